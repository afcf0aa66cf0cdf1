// Records to a handshake message, the message to its extensions.
#include "io/tls/server_hello.hpp"

#include <algorithm>

namespace havklo::io {
namespace {

constexpr uint8_t handshake = 22;
constexpr uint8_t server_hello = 2;
constexpr size_t record_header_bytes = 5;
constexpr size_t message_header_bytes = 4;
constexpr unsigned supported_versions = 43;
constexpr unsigned tls_1_3 = 0x0304;

unsigned octet(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}
unsigned pair(std::span<const std::byte> bytes, size_t at) {
  return octet(bytes, at) << 8U | octet(bytes, at + 1);
}

// What the handshake records carry, as far as they are whole. `ends`: something else comes.
std::vector<std::byte> messages_of(std::span<const std::byte> records, bool& ends) {
  std::vector<std::byte> messages;
  while (!records.empty()) {
    ends = octet(records, 0) != handshake;
    if (ends || records.size() < record_header_bytes) break;
    const size_t bytes = pair(records, 3);
    if (records.size() < record_header_bytes + bytes) break;
    const auto content = records.subspan(record_header_bytes, bytes);
    messages.insert(messages.end(), content.begin(), content.end());
    records = records.subspan(record_header_bytes + bytes);
  }
  return messages;
}

bool chooses_1_3(std::span<const std::byte> body) {
  constexpr size_t random_end = 2 + 32;
  if (body.size() <= random_end) return false;
  const size_t extensions_at = random_end + 1 + octet(body, random_end) + 2 + 1;
  if (body.size() < extensions_at + 2) return false;
  auto extensions = body.subspan(extensions_at + 2);
  extensions = extensions.first(std::min<size_t>(extensions.size(), pair(body, extensions_at)));
  while (extensions.size() >= 4) {
    const size_t bytes = pair(extensions, 2);
    if (extensions.size() < 4 + bytes) return false;
    if (pair(extensions, 0) == supported_versions) {
      return bytes == 2 && pair(extensions, 4) == tls_1_3;
    }
    extensions = extensions.subspan(4 + bytes);
  }
  return false;
}

}  // namespace

ServerHello::Version ServerHello::hear(std::span<const std::byte> bytes) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  bool ends = held_.size() > held_bytes_max;
  const auto messages = messages_of(held_, ends);
  if (messages.size() < message_header_bytes) {
    return ends || held_.size() > held_bytes_max ? Version::older : Version::not_known_yet;
  }
  const size_t size = octet(messages, 1) << 16U | pair(messages, 2);
  if (octet(messages, 0) != server_hello) return Version::older;
  if (messages.size() < message_header_bytes + size) {
    return ends || held_.size() > held_bytes_max ? Version::older : Version::not_known_yet;
  }
  const auto body = std::span(messages).subspan(message_header_bytes, size);
  return chooses_1_3(body) ? Version::tls_1_3 : Version::older;
}

}  // namespace havklo::io
