// Lines of `key value`, then the settings as TOML (FORMAT.md).
#include "replay/recording/header.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <charconv>
#include <havklo/limits.hpp>
#include <havklo/version.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "replay/recording/format.hpp"
#include "replay/recording/redaction/credentials.hpp"
#include "replay/recording/shared_ring.hpp"
#include "replay/text/printable.hpp"
#include "replay/text/settings_toml.hpp"

namespace havklo::replay {
namespace {

// Before the settings of each of several sessions, a line of its own: no setting looks like it.
std::string session_mark(size_t session) { return "# session " + std::to_string(session); }

// The part of a line behind its key; nothing if the next line has another.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(end + 1);
  return line.substr(key.size() + 1);
}

template <class Integer>
bool parse(std::string_view text, Integer& value, int base = 10) {
  if (base == 16) {
    if (!text.starts_with("0x")) return false;
    text.remove_prefix(2);
  }
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

// Which machine: its name, its kernel, its processor's architecture.
std::string host_text() {
  struct utsname names {};
  if (::uname(&names) != 0) return "unknown";
  return fmt::format("{} {} {} {}", names.nodename, names.sysname, names.release, names.machine);
}

// Tells the files of one session from those of another (FNV-1a).
uint64_t identity_of(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3U;
  return hash;
}

// What the header says of the sessions, without credentials.
std::string settings_text(std::span<const Settings> sessions) {
  const bool several = sessions.size() != 1;
  std::string text = several ? fmt::format("sessions {}\n", sessions.size()) : "";
  for (size_t i = 0; i < sessions.size(); ++i) {
    Settings shown = sessions[i];
    shown.url = without_credentials(shown.url);
    for (LegSettings& leg : shown.legs) {
      if (leg.url) leg.url = without_credentials(*leg.url);
    }
    shown.recording.overwrite = false;  // how it began is no part of it
    // A header says what was taken; where there was no network at all, what builds always said.
    if (shown.network == Network::automatic) shown.network = Network::io_uring;
    text += '\n';
    if (several) text += session_mark(i) + "\n";
    text += settings_to_toml(shown);
  }
  return text;
}

}  // namespace

std::expected<RecordingHeader, std::string> parse_header(std::string_view text,
                                                         const std::string& path) {
  RecordingHeader header;
  const auto format_text = take_line(text, "format");
  if (!format_text || !parse(*format_text, header.format)) {
    return std::unexpected(fmt::format("'{}' has a header that says no format", path));
  }
  const auto build = take_line(text, "build");
  if (header.format == 0 || header.format > format_version) {
    return std::unexpected(fmt::format(
        "'{}' has format {}, written by havklo {}; this havklo {} reads formats 1 to {}", path,
        header.format, printable(build.value_or("?")), HAVKLO_VERSION, format_version));
  }
  const auto host = take_line(text, "host");
  const auto session = take_line(text, "session");
  const auto segment = take_line(text, "segment");
  const auto seed = take_line(text, "seed");
  const auto offset = take_line(text, "utc_offset_ns");
  if (!build || !host || !session || !segment || !seed || !offset ||
      !parse(*session, header.session, 16) || !parse(*segment, header.segment) ||
      !parse(*seed, header.seed, 16) || !parse(*offset, header.utc_offset.ns)) {
    return std::unexpected(fmt::format("'{}' has a header that is not complete", path));
  }
  if (header.utc_offset.ns < -time_ns_max || header.utc_offset.ns > time_ns_max) {
    return std::unexpected(fmt::format("'{}' has a header with no possible utc_offset_ns, {}", path,
                                       header.utc_offset.ns));
  }
  header.build = *build;
  header.host = *host;
  uint32_t sessions = 1;
  const bool several = header.format == format_of_several_sessions ||
                       (header.format >= format_with_padding && text.starts_with("sessions "));
  if (several) {
    const auto count = take_line(text, "sessions");
    if (!count || !parse(*count, sessions) || sessions == 0 || sessions > sessions_max) {
      return std::unexpected(fmt::format("'{}' has a header that is not complete", path));
    }
  }
  // What a header does not say is what its build did.
  Settings unsaid;
  unsaid.network = Network::io_uring;
  unsaid.feed.trade_gaps = false;
  for (uint32_t i = 0; i < sessions; ++i) {
    const size_t end = i + 1 == sessions ? text.size() : text.find("\n" + session_mark(i + 1));
    if (end == std::string_view::npos) {
      return std::unexpected(fmt::format("'{}' has a header without session {}", path, i + 1));
    }
    auto settings = settings_from_toml(text.substr(0, end), path, unsaid);
    if (!settings) return std::unexpected(printable(settings.error()));
    text.remove_prefix(end);
    if (i == 0) {
      header.settings = std::move(*settings);
    } else {
      header.more_sessions.push_back(std::move(*settings));
    }
  }
  const std::vector<Settings> all = header.sessions();
  if (auto valid = validate(all); !valid) {
    return std::unexpected(fmt::format("'{}': {}", path, printable(valid.error().message())));
  }
  const uint64_t slots = sum_of_ring_slots(all);
  if (slots > shared_ring_slots_max) {
    return std::unexpected(
        fmt::format("'{}': its sessions have {} ring slots; at most {} can be replayed", path,
                    slots, shared_ring_slots_max));
  }
  return header;
}

HeaderText header_text(std::span<const Settings> sessions, uint64_t seed, Duration utc_offset) {
  std::string after =
      fmt::format("seed {:#x}\nutc_offset_ns {}\n", seed, utc_offset.ns) + settings_text(sessions);
  const std::string host = host_text();
  std::string before = fmt::format("format {}\nbuild {}\nhost {}\nsession {:#018x}\nsegment ",
                                   format_version, HAVKLO_VERSION, host, identity_of(host + after));
  return {.before = std::move(before), .after = std::move(after)};
}

}  // namespace havklo::replay
