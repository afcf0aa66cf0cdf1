// The HTTP upgrade, either side of it, in any split. Judged twice: whole, byte by byte and at drawn
// places it must be the same verdict; and it must be the verdict, by its name, of a plain reader
// that splits the text into lines and looks for nothing else.
//
// Input: the role, a seed of the splits; then what the peer sends, a byte 2 standing for 2,000
// letters, so that short inputs reach the limit. The key of the client is always the same, so that
// the answer which it accepts can stand in the dictionary.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "support/websocket/peer.hpp"
#include "websocket/http_date.hpp"

namespace havklo::http_head_fuzz {
namespace {

using namespace websocket;
using fuzz::require;

struct Verdict {
  Error error = Error::none;
  uint16_t status = 0;
  std::optional<Duration> retry_after;
  std::string path;
  std::vector<std::string> calls;
  Connection::State state = Connection::State::handshaking;
  std::string output;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::string accepted_key() {
  ClientKeys keys(7);
  Connection connection(Role::client, 300);
  connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
  const auto accept = accept_for(field_of(as_string(connection.output()), "Sec-WebSocket-Key"));
  return {accept.data(), accept.size()};
}

Verdict run(Role role, std::string_view stream, size_t piece_max, uint64_t seed) {
  ClientKeys keys(7);
  Connection connection(role, 300, 20'000);
  if (role == Role::client) {
    connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
    take_output(connection);
  } else {
    connection.start_server();
  }
  Recorder recorder;
  Verdict verdict;
  Random random(seed);
  while (!stream.empty() && verdict.error == Error::none) {
    const size_t size = piece_max == 0   ? stream.size()
                        : piece_max == 1 ? 1
                                         : 1 + random.below(piece_max);
    verdict.error = feed(connection, stream.substr(0, size), recorder);
    stream.remove_prefix(std::min(size, stream.size()));
  }
  if (verdict.error != Error::none) connection.fail(verdict.error);
  verdict.status = connection.http_status();
  verdict.retry_after = connection.retry_after();
  verdict.path = recorder.path;
  verdict.calls = recorder.calls;
  verdict.state = connection.state();
  verdict.output = take_output(connection);
  return verdict;
}

using Lines = std::vector<std::string>;

// What a plain reader says of the heads at the front of the stream.
class PlainReader {
 public:
  PlainReader(Role role, std::string_view stream) : rest_(stream) {
    size_t budget = http_head_bytes_max;
    while (!is_open && error == Error::none) {
      const std::optional<std::string> head = take_head(role, budget);
      if (!head) return;
      budget -= head->size();
      Lines lines = lines_of(*head);
      if (role == Role::client) {
        judge_answer(lines);
      } else {
        judge_request(lines);
      }
    }
  }
  Error error = Error::none;
  bool is_open = false;
  int status = 0;
  std::optional<int64_t> retry_after_s;  // where it is a number
  std::string path;

 private:
  // Up to its empty line; none: an error, or the end of the stream.
  std::optional<std::string> take_head(Role role, size_t budget) {
    const std::string_view prefix = "HTTP/1.";
    std::string head;
    for (const char c : rest_) {
      if (head.size() == budget) return fail(Error::http_head_too_big);
      head += c;
      const bool in_prefix = role == Role::client && head.size() <= prefix.size();
      if (in_prefix && !prefix.starts_with(head)) return fail(Error::http_malformed);
      if (c != '\n') continue;
      if (!head.ends_with("\r\n")) return fail(Error::http_malformed);
      if (head == "\r\n" || head.ends_with("\r\n\r\n")) {
        rest_.remove_prefix(head.size());
        return head;
      }
    }
    return std::nullopt;
  }
  std::nullopt_t fail(Error with) {
    error = with;
    return std::nullopt;
  }
  static Lines lines_of(const std::string& head) {
    Lines lines;
    for (size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) {
      lines.push_back(head.substr(at, head.find("\r\n", at) - at));
    }
    lines.pop_back();  // the empty one
    return lines;
  }

  struct Plain {
    std::string name;  // in small letters
    std::string value;
  };
  static std::string small(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return text;
  }
  static std::string trimmed(std::string text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.erase(0, 1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    return text;
  }
  // Folds what an answer may fold; says whether every line was a field.
  bool read_fields(const Lines& lines, bool folds) {
    Lines whole;
    for (size_t i = 1; i < lines.size(); ++i) {
      const bool goes_on = lines[i].starts_with(' ') || lines[i].starts_with('\t');
      if (folds && i > 1 && goes_on) {
        whole.back() += "  " + lines[i];
      } else {
        whole.push_back(lines[i]);
      }
    }
    bool good = true;
    for (const std::string& line : whole) {
      const size_t colon = line.find(':');
      const std::string name = line.substr(0, colon);
      const bool is_token = !name.empty() && name.find_first_not_of(
                                                 "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvw"
                                                 "xyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == name.npos;
      const std::string value = colon == line.npos ? "" : trimmed(line.substr(colon + 1));
      const bool is_value = std::ranges::none_of(value, [](char c) {
        return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127;
      });
      good = good && colon != line.npos && is_token && is_value;
      if (colon != line.npos && is_token && is_value) fields_.push_back({small(name), value});
    }
    return good;
  }
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const {
    std::vector<std::string> all;
    for (const Plain& field : fields_) {
      if (field.name == name) all.push_back(field.value);
    }
    return all;
  }
  [[nodiscard]] bool lists(std::string_view name, std::string_view word) const {
    for (const std::string& value : values(name)) {
      for (size_t at = 0; at <= value.size();) {
        const size_t comma = std::min(value.find(',', at), value.size());
        if (small(trimmed(value.substr(at, comma - at))) == word) return true;
        at = comma + 1;
      }
    }
    return false;
  }

  void judge_answer(const Lines& lines) {
    fields_.clear();
    const std::string& line = lines[0];
    const auto is_digit = [&line](size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    status = 0;
    const bool is_status_line = line.size() >= 12 && is_digit(7) && line[8] == ' ' && is_digit(9) &&
                                is_digit(10) && is_digit(11) &&
                                (line.size() == 12 || line[12] == ' ') && line[9] != '0';
    if (!is_status_line) return void(fail(Error::http_malformed));
    status = std::stoi(line.substr(9, 3));
    if (status < 200 && status != 101) return;
    const bool good = read_fields(lines, true);
    if (status != 101) {
      const auto times = values("retry-after");
      const bool is_number = !times.empty() && !times[0].empty() &&
                             times[0].find_first_not_of("0123456789") == std::string::npos;
      if (is_number) {
        retry_after_s = retry_after_max.ns / 1'000'000'000;
        const std::string digits =
            times[0].substr(std::min(times[0].find_first_not_of('0'), times[0].size()));
        if (digits.empty()) retry_after_s = 0;
        if (!digits.empty() && digits.size() < 12)
          retry_after_s = std::min(*retry_after_s, int64_t{std::stoll(digits)});
      }
      return void(fail(Error::upgrade_refused));
    }
    const auto upgrade = values("upgrade");
    const auto accept = values("sec-websocket-accept");
    const auto any_of = [this](std::string_view name) {
      return std::ranges::any_of(values(name), [](const auto& value) { return !value.empty(); });
    };
    static const std::string accepted = accepted_key();
    if (!good || line[7] == '0') {
      error = Error::http_malformed;
    } else if (upgrade.size() != 1 || small(upgrade[0]) != "websocket") {
      error = Error::upgrade_header_wrong;
    } else if (!lists("connection", "upgrade")) {
      error = Error::connection_header_wrong;
    } else if (accept != std::vector{accepted}) {
      error = Error::accept_wrong;
    } else if (any_of("sec-websocket-extensions")) {
      error = Error::extension_unasked;
    } else if (any_of("sec-websocket-protocol")) {
      error = Error::subprotocol_unasked;
    }
    is_open = error == Error::none;
  }

  static bool is_key(const std::string& key) {
    const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (key.size() != 24 || !key.ends_with("==")) return false;
    if (key.find_first_not_of(letters) != 22) return false;
    return letters.find(key[21]) % 16 == 0;
  }
  void judge_request(const Lines& lines) {
    if (lines.empty()) return void(fail(Error::http_malformed));
    const std::string& line = lines[0];
    const size_t first = line.find(' ');
    const size_t last = line.rfind(' ');
    if (first == line.npos || first == 0 || last <= first + 1)
      return void(fail(Error::http_malformed));
    path = line.substr(first + 1, last - first - 1);
    // As signed as char is on x86-64: a target is ASCII.
    const bool printable = std::ranges::all_of(path, [](char c) { return c > 32 && c < 127; });
    if (!printable || line.substr(last) != " HTTP/1.1") return void(fail(Error::http_malformed));
    if (line.substr(0, first) != "GET") return void(fail(Error::method_not_get));
    const bool good = read_fields(lines, false);
    const auto key = values("sec-websocket-key");
    if (!good) {
      error = Error::http_malformed;
    } else if (values("host").size() != 1) {
      error = Error::host_missing;
    } else if (!lists("upgrade", "websocket")) {
      error = Error::upgrade_header_wrong;
    } else if (!lists("connection", "upgrade")) {
      error = Error::connection_header_wrong;
    } else if (values("sec-websocket-version") != std::vector<std::string>{"13"}) {
      error = Error::websocket_version_unsupported;
    } else if (key.size() != 1 || !is_key(key[0])) {
      error = Error::key_invalid;
    }
    is_open = error == Error::none;
    status = is_open ? 101 : 0;
  }

  std::string_view rest_;
  std::vector<Plain> fields_;
};

}  // namespace

HAVKLO_FUZZ_TARGET(http_head) {
  fuzz::FuzzInput input(bytes);
  const Role role = input.flag() ? Role::server : Role::client;
  const uint64_t seed = input.number(2);
  std::string stream;
  for (const char c : input.rest()) stream += c == '\2' ? std::string(2'000, 'x') : std::string{c};

  const Verdict whole = run(role, stream, 0, 0);
  require(run(role, stream, 1, 0) == whole, "byte by byte it is another one");
  require(run(role, stream, 2 + seed % 60, seed) == whole, "cut elsewhere it is another one");
  const PlainReader plain(role, stream);
  const bool opened = !whole.calls.empty();
  require(opened == plain.is_open, "open, or not, where a plain reader differs");
  if (opened) {
    require(whole.calls[0] == "open 101", "it opens first");
    require(role == Role::client || whole.path == plain.path, "another path");
  } else {
    require(whole.error == plain.error,
            "another error: " + std::string(to_string(whole.error)) +
                ", a plain reader's: " + std::string(to_string(plain.error)));
  }
  require(whole.status == plain.status, "another status");
  if (plain.retry_after_s) {
    require(whole.retry_after == Duration::seconds(*plain.retry_after_s), "another Retry-After");
  }
  require(
      !whole.retry_after || (whole.retry_after->ns >= 0 && *whole.retry_after <= retry_after_max),
      "Retry-After beyond its bound");
  require(is_upgrade_error(whole.error) || opened || whole.error == Error::none,
          "no such error here");
  require(whole.error == Error::none || role == Role::server || opened || whole.output.empty(),
          "a client that was refused says something");
}

}  // namespace havklo::http_head_fuzz
