// Recordings that no recorder wrote, their checksums right: blocks of whatever entries one likes.
#pragma once

#include <cstdint>
#include <cstring>
#include <havklo/config.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "replay/recording/block_index.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/header.hpp"
#include "support/engine_world.hpp"

namespace havklo {

class ForgedRecording {
 public:
  explicit ForgedRecording(const Settings& settings = book_settings({"BTC/USD"}))
      : ForgedRecording(header_of({settings})) {}
  explicit ForgedRecording(std::string_view header) {
    block(replay::BlockKind::header, std::string(header));
  }
  [[nodiscard]] static std::string header_of(const std::vector<Settings>& sessions) {
    const replay::HeaderText text = replay::header_text(sessions, 0x5eed, {});
    return text.before + "0\n" + text.after;
  }

  // Entries, as FORMAT.md has them.
  ForgedRecording& tag(replay::EntryTag value) { return byte(static_cast<uint8_t>(value)); }
  ForgedRecording& byte(uint8_t value) {
    payload_ += static_cast<char>(value);
    return *this;
  }
  ForgedRecording& number(uint64_t value) {
    std::array<std::byte, 16> bytes{};
    const size_t count = replay::put_varint(bytes.data(), value);
    payload_.append(reinterpret_cast<const char*>(bytes.data()), count);
    return *this;
  }
  ForgedRecording& signed_number(int64_t value) { return number(replay::zigzag(value)); }
  ForgedRecording& raw(std::string_view bytes) {
    payload_ += bytes;
    return *this;
  }
  ForgedRecording& opened(uint32_t connection) {
    tag(replay::EntryTag::opened).number(connection).byte(0).byte(4);
    return raw(std::string(16, '\1')).number(443);
  }
  ForgedRecording& received(uint32_t connection, std::string_view bytes) {
    return tag(replay::EntryTag::received).number(connection).number(bytes.size()).raw(bytes);
  }
  ForgedRecording& closed(uint32_t connection, Reason reason = Reason::peer_reset) {
    return tag(replay::EntryTag::closed)
        .number(connection)
        .byte(static_cast<uint8_t>(reason))
        .signed_number(0);
  }
  ForgedRecording& subscribe(std::string_view symbol, uint32_t depth) {
    tag(replay::EntryTag::command).byte(0).byte(static_cast<uint8_t>(Channel::book));
    return number(0).number(depth).byte(static_cast<uint8_t>(symbol.size())).raw(symbol);
  }
  ForgedRecording& end_turn(int64_t since_last_ns = 1000, uint64_t room = 65'536,
                            uint64_t events = 0) {
    tag(replay::EntryTag::turn_end).signed_number(since_last_ns).number(room).number(events);
    if (events != 0) raw(std::string(4, '\0'));
    progress_.time = progress_.time + Duration{since_last_ns};
    ++progress_.turns;
    progress_.events += events;
    return *this;
  }

  [[nodiscard]] size_t payload_bytes() const { return payload_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_.size() + payload_.size(); }
  ForgedRecording& end_block() {
    block(replay::BlockKind::turns, std::exchange(payload_, {}));
    return *this;
  }
  // As a session that is over.
  [[nodiscard]] std::string finish() {
    if (!payload_.empty()) end_block();
    const replay::BlockIndex index;
    std::vector<std::byte> closing(index.closing_bytes());
    index.write_closing(closing.data(), replay::ClosingReason::finished, 0, bytes_.size(), 0);
    block(replay::BlockKind::closing,
          std::string(reinterpret_cast<const char*>(closing.data()), closing.size()));
    return bytes_;
  }
  // As after a kill.
  [[nodiscard]] const std::string& torn() const { return bytes_; }

 private:
  void block(replay::BlockKind kind, const std::string& payload) {
    const auto head = replay::encode(
        {.kind = kind,
         .payload_bytes = static_cast<uint32_t>(payload.size()),
         .number = number_++,
         .progress = progress_,
         .payload_crc = replay::crc32c(0, std::as_bytes(std::span<const char>(payload)))});
    bytes_.append(reinterpret_cast<const char*>(head.data()), head.size()) += payload;
  }

  std::string bytes_;
  std::string payload_;
  uint32_t number_ = 0;
  replay::Progress progress_{.digest = replay::EventDigest().value()};
};

}  // namespace havklo
