// Gathering, and two ways to print.
#include "havklo/recording_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "core/connection_id.hpp"
#include "replay/text/counted.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/event.hpp"
#include "replay/text/event_json.hpp"
#include "replay/text/instant.hpp"
#include "replay/text/printable.hpp"
#include "replay/text/session_names.hpp"
#include "replay/text/size.hpp"
#include "replay/text/toml_fields.hpp"

namespace havklo {
namespace {

using replay::ConnectionTraffic;
using replay::readable_size;

// Of connections, how many lines are shown; a recording of a bad night has thousands.
constexpr size_t connections_shown = 40;

uint64_t count_of(const RecordingReport& report, Completion::Kind kind) {
  return report.completions[static_cast<size_t>(kind)];
}

// "1 h 02 min 03 s"; below a minute as other durations are.
std::string span_text(Duration time) {
  constexpr int64_t second = 1'000'000'000;
  const int64_t s = time.ns / second;
  if (s < 60) return replay::readable(time);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min {:02} s", s / 3600, s / 60 % 60, s % 60);
}

std::string peer_text(const ConnectionTraffic& connection) {
  Event::Connected peer{};
  peer.address = connection.peer.address;
  peer.port = connection.peer.port;
  peer.family = connection.peer.family;
  return replay::address_text(peer);
}

// A later one of the same leg begins when this one is over.
bool is_last_of_its_leg(const RecordingReport& report, const ConnectionTraffic& connection) {
  const replay::SessionNames names(report.header.sessions());
  const auto leg = names.of(ConnectionId{connection.id});
  const auto& all = report.traffic.connections();
  return std::none_of(&connection + 1, all.data() + all.size(),
                      [&](const auto& later) { return names.of(ConnectionId{later.id}) == leg; });
}

// How the connection ended, from the network's side: what we close ourselves is in no recording.
std::string end_text(const RecordingReport& report, const ConnectionTraffic& connection) {
  const bool is_open =
      !connection.was_closed && !report.torn.empty() && is_last_of_its_leg(report, connection);
  if (is_open) return "open where the recording ends,";
  std::string text(connection.was_closed ? to_string(connection.reason) : "closed by us");
  if (connection.certificate != CertificateFault::none) {
    text += fmt::format(": {}", to_string(connection.certificate));
  }
  if (connection.os_error != 0) text += fmt::format(", errno {}", connection.os_error);
  return text;
}

Instant end_of(const RecordingReport& report, const ConnectionTraffic& connection) {
  if (connection.was_closed) return connection.closed;
  return std::max({connection.opened, connection.last_read, report.first});
}

uint32_t legs_of(std::span<const Settings> sessions) {
  size_t legs = 0;
  for (const Settings& each : sessions) legs += each.legs.size();
  return static_cast<uint32_t>(legs);
}

// "2 of session 0, 3 of session 1"; empty where each session has one.
std::string legs_text(std::span<const Settings> sessions) {
  if (legs_of(sessions) == sessions.size()) return {};
  if (sessions.size() == 1) return std::to_string(sessions[0].legs.size());
  std::string text;
  for (size_t i = 0; i < sessions.size(); ++i) {
    text += fmt::format("{}{} of session {}", i == 0 ? "" : ", ", sessions[i].legs.size(), i);
  }
  return text;
}

class Page {
 public:
  explicit Page(bool colour) : colour_(colour) {}

  template <class... Values>
  void line(std::string_view name, fmt::format_string<Values...> text, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), "{}{:<13}{} ", dim(), name, plain());
    replay::append_printable(out_, fmt::format(text, std::forward<Values>(values)...));
    out_ += '\n';
  }
  void raw(std::string_view text) { out_ += text; }
  [[nodiscard]] std::string_view dim() const { return colour_ ? "\x1b[2m" : ""; }
  [[nodiscard]] std::string_view good() const { return colour_ ? "\x1b[1;32m" : ""; }
  [[nodiscard]] std::string_view bad() const { return colour_ ? "\x1b[1;31m" : ""; }
  [[nodiscard]] std::string_view plain() const { return colour_ ? "\x1b[0m" : ""; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  bool colour_;
  std::string out_;
};

void write_connections(Page& page, const RecordingReport& report) {
  const auto& all = report.traffic.connections();
  const replay::SessionNames names(report.header.sessions());
  page.raw("\nConnections\n");
  if (all.empty()) page.raw("  none\n");
  for (size_t i = 0; i < std::min(all.size(), connections_shown); ++i) {
    const ConnectionTraffic& each = all[i];
    std::string at = fmt::format("{:>13}", replay::offset_text(each.opened, report.first));
    if (const std::string name = names.of(ConnectionId{each.id}); !name.empty()) at += "  " + name;
    if (!each.was_opened) {
      page.raw(fmt::format("{}  {}not opened{}: {}\n", at, page.bad(), page.plain(),
                           end_text(report, each)));
      continue;
    }
    const Instant end = end_of(report, each);
    const std::string upgrade = each.http_status.empty() || each.http_status == "101"
                                    ? std::string()
                                    : fmt::format(", HTTP {}", each.http_status);
    page.raw(fmt::format("{}  {}{}{}, {}, {}; {} after {}\n", at, peer_text(each),
                         each.tls_resumed ? ", TLS resumed" : "", upgrade,
                         replay::counted(each.messages, "message"), readable_size(each.bytes),
                         end_text(report, each), span_text(end - each.opened)));
  }
  if (all.size() > connections_shown) {
    page.raw(fmt::format("  … and {} more (--json has all)\n", all.size() - connections_shown));
  }
}

void write_kinds(Page& page, const RecordingReport& report) {
  std::vector<std::pair<std::string_view, replay::KindTraffic>> kinds(
      report.traffic.kinds().begin(), report.traffic.kinds().end());
  std::ranges::stable_sort(kinds, std::greater{},
                           [](const auto& kind) { return kind.second.bytes; });
  page.raw("\nReceived            messages         bytes\n");
  for (const auto& [name, kind] : kinds) {
    const double share =
        report.received_bytes == 0
            ? 0
            : 100.0 * static_cast<double>(kind.bytes) / static_cast<double>(report.received_bytes);
    page.raw(fmt::format("  {:<14} {:>11}  {:>12}  {:>5.1f} %\n", name, kind.messages,
                         readable_size(kind.bytes), share));
  }
}

}  // namespace

std::expected<RecordingReport, std::string> report_on(const std::string& path) {
  auto reader = replay::Reader::open(path);
  if (!reader) return std::unexpected(reader.error());
  RecordingReport report{.header = reader->header()};
  if (!reader->is_pipe()) {
    auto outline = replay::Outline::read(path);
    if (!outline) return std::unexpected(outline.error());
    report.files = outline->files();
  }
  replay::RecordedTurn turn;
  replay::Reader::Status status{};
  while ((status = reader->next(turn)) == replay::Reader::Status::turn) {
    if (report.turns == 0) {
      report.first = turn.now;
      // Newer than the header's, which a recorder of virtual time does not know yet.
      report.header.utc_offset = turn.utc_offset.value_or(report.header.utc_offset);
    }
    report.last = turn.now;
    ++report.turns;
    report.events += turn.event_count;
    report.commands += turn.commands.size();
    report.budget_answers += turn.budget_answers.size();
    for (const Completion& completion : turn.completions) {
      ++report.completions[static_cast<size_t>(completion.kind)];
      report.received_bytes += completion.bytes.size();
    }
    report.traffic.add(turn);
  }
  report.blocks = reader->blocks();
  report.last_sequence = reader->last_block().sequence;
  report.digest = reader->last_block().digest;
  if (status == replay::Reader::Status::torn) report.torn = reader->lost();
  if (reader->is_pipe()) {
    report.files.push_back({.path = path,
                            .bytes = reader->bytes_read(),
                            .has_index = status == replay::Reader::Status::end});
  }
  for (const replay::FileOutline& file : report.files) report.file_bytes += file.bytes;
  return report;
}

std::string to_text(const RecordingReport& report, bool colour) {
  Page page(colour);
  const auto& files = report.files;
  page.line("recording", "{}{}, {}", files.front().path,
            files.size() == 1
                ? ""
                : fmt::format(" and {} more", replay::counted(files.size() - 1, "file")),
            readable_size(report.file_bytes));
  page.line("written by", "havklo {} on {}", report.header.build, report.header.host);
  page.line("session", "{:#018x}, seed {:#x}", report.header.session, report.header.seed);
  page.line("venue", "{}", report.header.settings.url);
  const std::vector<Settings> sessions = report.header.sessions();
  if (sessions.size() > 1) page.line("sessions", "{} of one engine", sessions.size());
  if (const std::string legs = legs_text(sessions); !legs.empty()) page.line("legs", "{}", legs);
  page.line("began", "{}", replay::utc_text(report.first, report.header.utc_offset));
  page.line("lasted", "{}", span_text(report.last - report.first));
  page.line("turns", "{} in {}", report.turns, replay::counted(report.blocks, "block"));
  page.line("events", "{}, digest {:016x}", report.events, report.digest);
  page.line("inputs", "{}, {} ({}), {}, {} opened, {} closed",
            replay::counted(report.commands, "command"),
            replay::counted(count_of(report, Completion::Kind::received), "read"),
            readable_size(report.received_bytes),
            replay::counted(count_of(report, Completion::Kind::sent), "send"),
            count_of(report, Completion::Kind::opened), count_of(report, Completion::Kind::closed));
  if (report.budget_answers != 0) {
    page.line("budget", "shared: {} that others had used its places",
              replay::counted(report.budget_answers, "answer"));
  }
  write_connections(page, report);
  write_kinds(page, report);
  page.raw("\n");
  if (report.torn.empty()) {
    page.raw(fmt::format("{}complete{}: closed in order, every checksum good\n", page.good(),
                         page.plain()));
  } else {
    page.raw(
        fmt::format("{}torn{}: {}\n", page.bad(), page.plain(), replay::printable(report.torn)));
  }
  return page.take();
}

std::string to_json(const RecordingReport& report) {
  std::string out;
  const auto add = [&out](fmt::string_view text, auto&&... values) {
    fmt::vformat_to(std::back_inserter(out), text, fmt::make_format_args(values...));
  };
  add(R"({{"build":{},"host":{},"session":"{:#018x}","seed":"{:#x}","url":{})",
      replay::in_quotes(report.header.build), replay::in_quotes(report.header.host),
      report.header.session, report.header.seed, replay::in_quotes(report.header.settings.url));
  const std::vector<Settings> sessions = report.header.sessions();
  add(R"(,"sessions":{})", sessions.size());
  if (const uint32_t legs = legs_of(sessions); legs != sessions.size()) add(R"(,"legs":{})", legs);
  add(R"(,"utc_offset_ns":{},"first_time_ns":{},"last_time_ns":{})", report.header.utc_offset.ns,
      report.first.ns, report.last.ns);
  add(R"(,"turns":{},"events":{},"last_sequence":{},"digest":"{:016x}","blocks":{})", report.turns,
      report.events, report.last_sequence, report.digest, report.blocks);
  add(R"(,"commands":{},"budget_answers":{},"reads":{},"received_bytes":{},"sends":{})",
      report.commands, report.budget_answers, count_of(report, Completion::Kind::received),
      report.received_bytes, count_of(report, Completion::Kind::sent));
  const char* comma = "";
  out += R"(,"files":[)";
  for (const replay::FileOutline& file : report.files) {
    add(R"({}{{"path":{},"bytes":{},"index":{}}})", comma, replay::in_quotes(file.path), file.bytes,
        file.has_index);
    comma = ",";
  }
  comma = "";
  out += R"(],"connections":[)";
  const replay::SessionNames names(sessions);
  for (const ConnectionTraffic& each : report.traffic.connections()) {
    const ConnectionId id{each.id};
    add(R"({}{{"id":{},"session":{})", comma, each.id, core::session_of(id));
    if (const uint32_t leg = names.leg_of(id); leg != 0) add(R"(,"leg":{})", leg);
    add(R"(,"opened":{},"time_ns":{},"address":{},"tls_resumed":{})", each.was_opened,
        each.opened.ns, replay::in_quotes(peer_text(each)), each.tls_resumed);
    add(R"(,"http_status":{},"messages":{},"bytes":{},"end_time_ns":{})",
        replay::in_quotes(each.http_status), each.messages, each.bytes, end_of(report, each).ns);
    add(R"(,"reason":{})",
        replay::in_quotes(each.was_closed ? to_string(each.reason) : "requested"));
    if (each.certificate != CertificateFault::none) {
      add(R"(,"certificate":{})", replay::in_quotes(to_string(each.certificate)));
    }
    add(R"(,"os_error":{}}})", each.os_error);
    comma = ",";
  }
  comma = "";
  out += R"(],"received":{)";
  for (const auto& [name, kind] : report.traffic.kinds()) {
    add(R"({}{}:{{"messages":{},"bytes":{}}})", comma, replay::in_quotes(name), kind.messages,
        kind.bytes);
    comma = ",";
  }
  add(R"(}},"complete":{},"lost":{}}})", report.torn.empty(), replay::in_quotes(report.torn));
  return out += '\n';
}

}  // namespace havklo
