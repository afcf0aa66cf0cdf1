// A WebSocket stream in any split. Judged twice: whole, byte by byte and at drawn places it must
// be the same messages, error, state and answers; and they must be what a plain reader of RFC 6455,
// written here without the codec, makes of the stream.
//
// Input: role and limit, what the handler does at which call, a seed of the splits; then the
// stream of an open connection.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "support/websocket/rules.hpp"

namespace havklo::websocket_fuzz {
namespace {

using namespace websocket;
using fuzz::require;

enum class Action : uint8_t { none, stop, close, send };

struct Case {
  Role role;
  uint32_t message_max;
  Action action;
  size_t at_call;
  std::string_view stream;
};

// What the connection did.
struct Did {
  Lines calls;
  Error error = Error::none;
  Connection::State state = Connection::State::open;
  std::string output;
  friend bool operator==(const Did&, const Did&) = default;
};

// Writes the calls down, and does something of its own at one of them.
struct Handler {
  const Case& given;
  Connection& connection;
  Recorder recorder = {};

  bool act(bool) {
    if (recorder.calls.size() != given.at_call + 1) return true;
    if (given.action == Action::close) require(connection.send_close(1000, "enough"), "our close");
    if (given.action == Action::send) static_cast<void>(connection.send_text("mine"));
    return given.action != Action::stop;
  }
  bool on_open(const UpgradeResult&) { return true; }
  bool on_text(std::string_view text) { return act(recorder.on_text(text)); }
  bool on_binary(std::span<const std::byte> bytes) { return act(recorder.on_binary(bytes)); }
  bool on_ping(std::span<const std::byte> bytes) { return act(recorder.on_ping(bytes)); }
  bool on_pong(std::span<const std::byte> bytes) { return act(recorder.on_pong(bytes)); }
  bool on_close(uint16_t code, std::string_view reason) {
    return act(recorder.on_close(code, reason));
  }
};

// `piece_max` 0: whole; 1: byte by byte; else pieces of drawn sizes.
Did run(const Case& given, size_t piece_max, uint64_t seed) {
  OpenConnection open(given.role, given.message_max);
  Handler handler{given, open.connection};
  Did did;
  Random random(seed);
  for (std::string_view rest = given.stream; !rest.empty() && did.error == Error::none;) {
    const size_t size = piece_max == 0   ? rest.size()
                        : piece_max == 1 ? 1
                                         : 1 + random.below(piece_max);
    did.error = feed(open.connection, rest.substr(0, size), handler);
    rest.remove_prefix(std::min(size, rest.size()));
    if (piece_max < 2) continue;
    // The network takes some of what is to be sent, and may stop in a frame.
    const auto taken =
        open.connection.output().first(random.below(open.connection.output().size() + 1));
    did.output += as_string(taken);
    open.connection.consume_output(taken.size());
  }
  if (did.error != Error::none) open.connection.fail(did.error);
  did.calls = std::move(handler.recorder.calls);
  did.output += take_output(open.connection);
  did.state = open.connection.state();
  return did;
}

// RFC 3629 by the numbers: the length of the sequence at the front, 0 if it is none.
size_t plain_sequence(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint32_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  uint32_t point = first & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    point = point << 6 | (byte(i) & 0x3FU);
  }
  const uint32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  return point >= least && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF) ? size : 0;
}

bool plain_is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = plain_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

// Whether something could follow that makes it valid.
bool plain_begins_utf8(std::string_view text) {
  while (!text.empty() && plain_sequence(text) != 0) text.remove_prefix(plain_sequence(text));
  if (text.empty()) return true;
  if (text.size() > 3) return false;
  std::vector<std::string> attempts{std::string(text)};
  for (size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].size() > 4) break;
    if (plain_sequence(attempts[i]) == attempts[i].size()) return true;
    for (const char next : {'\x80', '\x8F', '\x90', '\x9F', '\xA0', '\xBF'}) {
      attempts.push_back(attempts[i] + next);
    }
  }
  return false;
}

// The stream as a plain reader sees it, whole.
class PlainReader {
 public:
  explicit PlainReader(const Case& given) : given_(given), rest_(given.stream) {
    while (!is_over_ && code == 0 && read_frame()) {
    }
  }
  Lines calls;
  Lines pings;
  uint16_t code = 0;  // the close code of what is wrong, or 0
  bool peer_closed = false;
  std::string peer_close;  // the body of our answer, as lines_of() prints it

 private:
  bool fail(uint16_t with) {
    code = with;
    return false;
  }
  bool call(std::string text) {
    calls.push_back(std::move(text));
    if (given_.action == Action::stop && calls.size() == given_.at_call + 1) is_over_ = true;
    return true;
  }
  bool read_frame() {
    const auto byte = [this](size_t i) { return static_cast<uint8_t>(rest_[i]); };
    if (rest_.empty()) return false;
    const int opcode = byte(0) & 15;
    const bool fin = byte(0) >= 0x80;
    const bool control = opcode >= 8;
    if ((byte(0) & 0x70) != 0) return fail(1002);
    if (opcode > 10 || (opcode > 2 && opcode < 8)) return fail(1002);
    if (control ? !fin : (opcode == 0) != message_.has_value()) return fail(1002);
    if (rest_.size() < 2) return false;
    const bool masked = byte(1) >= 0x80;
    if (masked != (given_.role == Role::server)) return fail(1002);
    uint64_t size = byte(1) & 127U;
    if (control && size > 125) return fail(1002);
    const size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
    const size_t head = 2 + more + (masked ? 4 : 0);
    if (rest_.size() < 2 + more) return false;
    if (more != 0) size = 0;
    for (size_t i = 0; i < more; ++i) size = size << 8 | byte(2 + i);
    if (more == 2 && size < 126) return fail(1002);
    if (more == 8 && (size < 65536 || size >> 63 != 0)) return fail(1002);
    if (rest_.size() < head) return false;
    if (!control && size + (message_ ? message_->size() : 0) > given_.message_max)
      return fail(1009);
    std::string payload(rest_.substr(head, size));
    const bool whole = payload.size() == size;
    for (size_t i = 0; masked && i < payload.size(); ++i) {
      payload[i] = static_cast<char>(payload[i] ^ rest_[head - 4 + i % 4]);
    }
    rest_.remove_prefix(std::min(rest_.size(), head + payload.size()));
    if (control) return whole && take_control(opcode, payload);
    return take_data(opcode, payload, whole && fin) && whole;
  }
  bool take_control(int opcode, const std::string& payload) {
    if (opcode == 9) {
      pings.push_back("pong " + payload);
      return call("ping " + payload);
    }
    if (opcode == 10) return call("pong " + payload);
    if (payload.size() == 1) return fail(1002);
    int given = 1005;
    if (!payload.empty()) {
      given = static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
      const bool allowed = (given >= 1000 && given <= 1014 && (given < 1004 || given > 1006)) ||
                           (given >= 3000 && given <= 4999);
      if (!allowed) return fail(1002);
      if (!plain_is_utf8(std::string_view(payload).substr(2))) return fail(1007);
      peer_close = std::to_string(given);
    }
    peer_closed = is_over_ = true;
    return call("close " + std::to_string(given) + ' ' + payload.substr(payload.empty() ? 0 : 2));
  }
  bool take_data(int opcode, const std::string& payload, bool ends) {
    if (opcode != 0) is_text_ = opcode == 1;
    message_ = message_.value_or("") + payload;
    if (is_text_ && !plain_begins_utf8(*message_)) return fail(1007);
    if (!ends) return true;
    if (is_text_ && !plain_is_utf8(*message_)) return fail(1007);
    return call((is_text_ ? "text " : "binary ") + *std::exchange(message_, std::nullopt));
  }

  const Case& given_;
  std::string_view rest_;
  bool is_over_ = false;
  bool is_text_ = false;
  std::optional<std::string> message_;
};

void check_answers(const Case& given, const Did& did, const PlainReader& plain) {
  Lines lines = lines_of(did.output, given.role);
  require(lines != Lines{"BAD"}, "what it sends is no frame");
  const bool we_closed = given.action == Action::close && did.calls.size() > given.at_call;
  const auto is_ours = [](const std::string& line) {
    return line.starts_with("pong ") || line.starts_with("close ");
  };
  std::erase_if(lines, [&](const std::string& line) { return !is_ours(line); });
  if (plain.code != 0 && !we_closed) {
    const std::string code = std::to_string(plain.code);
    require(!lines.empty() && lines.back().starts_with("close " + code + ' '), "its close code");
    lines.pop_back();
  } else if (plain.peer_closed && !(we_closed && did.calls.size() > given.at_call + 1)) {
    require(!lines.empty() && (lines.back() == "close " + plain.peer_close || we_closed),
            "its answer to a close");
    lines.pop_back();
  }
  std::erase(lines, "close 1000 enough");
  // Each ping has its pong, in order; where too many wait, the newest stays.
  size_t at = 0;
  for (const std::string& line : lines) {
    while (at < plain.pings.size() && plain.pings[at] != line) ++at;
    require(at++ < plain.pings.size(), "a pong that answers no ping");
  }
  require(lines.empty() == plain.pings.empty(), "no pong");
  require(lines.empty() || lines.back() == plain.pings.back(), "the newest pong");
  size_t bytes = 0;
  for (const std::string& ping : plain.pings) bytes += ping.size() + frame_head_bytes_max;
  const bool all_fit = bytes + OutputBuffer::control_frame_bytes_max < pong_bytes_waiting_max;
  require(!all_fit || lines.size() == plain.pings.size(), "a pong is missing");
}

}  // namespace

HAVKLO_FUZZ_TARGET(websocket) {
  fuzz::FuzzInput input(bytes);
  const uint8_t kind = input.byte();
  Case given{};
  given.role = (kind & 1) != 0 ? Role::server : Role::client;
  constexpr std::array<uint32_t, 4> limits = {20, 300, 70'000, 125};  // small: near at hand
  given.message_max = limits[kind >> 1 & 3];
  given.action = static_cast<Action>(kind >> 3 & 3);
  given.at_call = input.byte() % 16;
  const uint64_t seed = input.number(2);
  given.stream = input.rest();

  const Did whole = run(given, 0, 0);
  require(run(given, 1, 0) == whole, "byte by byte it is another one");
  require(run(given, 2 + seed % 60, seed) == whole, "cut elsewhere it is another one");
  const PlainReader plain(given);
  require(whole.calls == plain.calls, "other messages than a plain reader's");
  const bool fails = plain.code != 0;
  require((whole.error != Error::none) == fails, "an error, or none, where a plain reader differs");
  require(!fails || close_code_for(whole.error) == plain.code, "another close code");
  check_answers(given, whole, plain);
}

}  // namespace havklo::websocket_fuzz
