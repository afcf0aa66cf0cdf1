// Frames are cut out of the stream; of a message only its beginning is looked at.
#include "replay/playback/traffic.hpp"

#include <algorithm>
#include <array>

#include "websocket/frame.hpp"

namespace havklo::replay {
namespace {

// What a peer says is not printed: only these names are.
constexpr std::array<std::string_view, 9> known_kinds = {"book",        "trade",  "ticker",
                                                         "heartbeat",   "status", "subscribe",
                                                         "unsubscribe", "pong",   "instrument"};

constexpr size_t http_version_bytes = sizeof "HTTP/1.1 " - 1;
constexpr size_t http_status_bytes = 3;

// The text behind `"key":"`; keys come in any order.
std::string_view value_of(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view value = text.substr(at + key.size());
  return value.substr(0, value.find('"'));
}

std::string_view kind_of(websocket::Opcode opcode, std::span<const std::byte> payload) {
  switch (opcode) {
    case websocket::Opcode::text:
      return kind_of_text({reinterpret_cast<const char*>(payload.data()), payload.size()});
    case websocket::Opcode::continuation:
      return "continuation";
    case websocket::Opcode::binary:
      return "binary";
    case websocket::Opcode::close:
      return "close";
    case websocket::Opcode::ping:
      return "ping";
    case websocket::Opcode::pong:
      return "pong";
  }
  return "unknown";
}

}  // namespace

std::string_view kind_of_text(std::string_view text) {
  // The answer to a subscribe has a channel too, inside: a method wins.
  for (const std::string_view key : {R"("method":")", R"("channel":")"}) {
    const auto found = std::ranges::find(known_kinds, value_of(text, key));
    if (found != known_kinds.end()) return *found;
  }
  return "other text";
}

void Traffic::add(const RecordedTurn& turn) {
  for (const Completion& completion : turn.completions) {
    const auto id = static_cast<uint32_t>(completion.connection);
    const auto [found, is_new] = numbers_.try_emplace(id, connections_.size());
    const size_t number = found->second;
    if (is_new) {
      connections_.push_back({.id = id, .opened = turn.now, .http_status = {}});
      streams_.emplace_back();
    }
    ConnectionTraffic& connection = connections_[number];
    switch (completion.kind) {
      case Completion::Kind::opened:
        connection.was_opened = true;
        connection.opened = turn.now;
        connection.tls_resumed = completion.tls_resumed;
        connection.peer = completion.peer;
        break;
      case Completion::Kind::received:
        connection.last_read = turn.now;
        connection.bytes += completion.bytes.size();
        received(number, completion.bytes);
        break;
      case Completion::Kind::sent:
        break;
      case Completion::Kind::closed:
        connection.was_closed = true;
        connection.closed = turn.now;
        connection.reason = completion.reason;
        connection.certificate = completion.certificate;
        connection.os_error = completion.os_error;
        streams_[number] = Stream{};
        streams_[number].broken = true;  // nothing comes after it
        break;
    }
  }
}

void Traffic::received(size_t number, std::span<const std::byte> bytes) {
  Stream& stream = streams_[number];
  if (stream.broken) return count(number, "not WebSocket", bytes.size());
  if (stream.pending.empty()) {
    const auto rest = bytes.subspan(take_all(number, bytes));
    stream.pending.assign(rest.begin(), rest.end());
    return;
  }
  stream.pending.insert(stream.pending.end(), bytes.begin(), bytes.end());
  if (stream.pending.size() < stream.needed) return;
  const size_t taken = take_all(number, stream.pending);
  stream.pending.erase(stream.pending.begin(),
                       stream.pending.begin() + static_cast<std::ptrdiff_t>(taken));
}

size_t Traffic::take_all(size_t number, std::span<const std::byte> bytes) {
  Stream& stream = streams_[number];
  size_t at = 0;
  while (at != bytes.size() && !stream.broken) {
    const auto rest = bytes.subspan(at);
    const size_t taken = stream.upgraded ? take_frame(number, rest) : take_upgrade(number, rest);
    if (taken == 0) break;
    at += taken;
  }
  if (!stream.broken) return at;
  if (at != bytes.size()) count(number, "not WebSocket", bytes.size() - at);
  return bytes.size();
}

// The bytes that were taken; 0: more are needed.
size_t Traffic::take_upgrade(size_t number, std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view empty_line = "\r\n\r\n";
  const size_t end = text.find(empty_line, streams_[number].searched);
  if (end == std::string_view::npos) {
    streams_[number].broken = bytes.size() > http_head_bytes_max;
    streams_[number].needed = bytes.size() + 1;
    streams_[number].searched = bytes.size() - std::min(bytes.size(), empty_line.size() - 1);
    return 0;
  }
  const std::string_view status =
      text.substr(0, end).substr(std::min(http_version_bytes, end), http_status_bytes);
  const bool digits = std::ranges::all_of(status, [](char c) { return c >= '0' && c <= '9'; });
  connections_[number].http_status = digits ? status : "???";  // a peer's text is not printed
  streams_[number].upgraded = true;
  streams_[number].broken = connections_[number].http_status != "101";
  const size_t taken = end + empty_line.size();
  KindTraffic& kind = kinds_.try_emplace("upgrade").first->second;
  ++kind.messages;
  kind.bytes += taken;
  return taken;
}

size_t Traffic::take_frame(size_t number, std::span<const std::byte> bytes) {
  Stream& stream = streams_[number];
  const websocket::ParsedHead parsed =
      websocket::parse_frame_head(bytes, websocket::Role::client, stream.message_open);
  if (parsed.error != websocket::Error::none || parsed.head.payload_bytes > message_bytes_max) {
    stream.broken = true;
    return 0;
  }
  stream.needed = parsed.bytes == 0 ? bytes.size() + 1
                                    : parsed.bytes + static_cast<size_t>(parsed.head.payload_bytes);
  if (bytes.size() < stream.needed) return 0;
  const auto payload = bytes.subspan(parsed.bytes, static_cast<size_t>(parsed.head.payload_bytes));
  if (!websocket::is_control(parsed.head.opcode)) stream.message_open = !parsed.head.fin;
  count(number, kind_of(parsed.head.opcode, payload), payload.size());
  return parsed.bytes + payload.size();
}

void Traffic::count(size_t number, std::string_view kind, size_t bytes) {
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) found = kinds_.try_emplace(std::string(kind)).first;
  ++found->second.messages;
  found->second.bytes += bytes;
  ++connections_[number].messages;
}

}  // namespace havklo::replay
