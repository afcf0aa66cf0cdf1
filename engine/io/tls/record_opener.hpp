// The receiving half of TLS 1.3's record layer for AES-GCM, in front of the library that did the
// handshake: application data is opened here, straight into the reader's memory, everything else is
// sealed again for the library, under its own count of records.
//
// Owns:       the peer's traffic secret and what is derived from it (overwritten when it ends), the
//             number of the next record, the beginning of a record that came in pieces.
// Not owned:  the library's session, alerts, the other direction, what tickets and key updates
//             mean: the library decides all of it.
// Threads:    one.
// Invariants: the library is handed only what was made here: a record whose tag was right, sealed
//             again, or one of three that it must refuse. No byte of the wire reaches it, so it
//             cannot be led to take a record that is old by our count and next by its own.
//             Nothing that was sealed here leaves the process: the same nonce with another text is
//             seen by nobody (bench/NOTES.md has the argument).
// Cost:       the cipher and some 15 ns a record; a record that was cut in two by the reads is
//             copied first. Allocates when it is made, never after.
// Source:     RFC 8446 §5.2 (records), §5.3 (nonces), §5.4 (padding), §7.2 and §7.3 (keys).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "io/tls/aes_gcm.hpp"

namespace havklo::io {

// HKDF-Expand-Label of RFC 8446 §7.1 with no context. The secret's size names the hash: 32 bytes
// for SHA-256, 48 for SHA-384.
void expand_label(std::span<const std::byte> secret, std::string_view label,
                  std::span<std::byte> made);

class TlsRecordOpener {
 public:
  static constexpr size_t header_bytes = 5;
  static constexpr size_t inner_bytes_max = (1U << 14U) + 1;  // the text and its content type
  static constexpr size_t sealed_bytes_max = inner_bytes_max + AesGcm::tag_bytes;

  // Whether records of this cipher suite can be opened here; the secret is as long as its hash.
  [[nodiscard]] static bool can_open(int cipher_suite, size_t secret_bytes);

  // `secret` is the peer's first application traffic secret.
  TlsRecordOpener(int cipher_suite, std::span<const std::byte> secret);
  ~TlsRecordOpener();
  TlsRecordOpener(const TlsRecordOpener&) = delete;
  TlsRecordOpener& operator=(const TlsRecordOpener&) = delete;

  struct Opened {
    enum class Kind : uint8_t {
      text,         // `text_bytes` of it in front of the room; none in an empty record
      needs_more,   // all input is taken
      for_library,  // `record` is to be read by it, whole, before anything else is opened
    };
    Kind kind = Kind::needs_more;
    size_t text_bytes = 0;
    std::span<const std::byte> record{};  // valid until the next call
  };
  // Takes from the front of `input` what one record needs. Where the room is too small for a whole
  // record, what is left comes with the next call. Behind the text the room may be written over;
  // nothing that is not application data stays there. The two do not overlap.
  [[nodiscard]] Opened open_next(std::span<const std::byte>& input, std::span<std::byte> room);

 private:
  // Follows the messages of the handshake protocol, which may lie across records.
  class HandshakeMessages {
   public:
    // Whether a key update ends in the content of this record. Behind one nothing may follow in it
    // (§5.1): then `misplaced`.
    enum class KeyUpdate : uint8_t { none, at_the_end, misplaced };
    [[nodiscard]] KeyUpdate pass(std::span<const std::byte> content);
    [[nodiscard]] bool is_within_one() const { return head_bytes_ != 0; }
    // What has come of a head that is not whole.
    [[nodiscard]] std::span<const std::byte> begun_head() const {
      return std::span(head_).first(head_bytes_ % head_.size());
    }

   private:
    std::array<std::byte, 4> head_{};
    size_t head_bytes_ = 0;
    size_t body_bytes_left_ = 0;
  };

  // What the library answers with the alert of this name, and the end of the stream.
  enum class Refusal : uint8_t { bad_record_mac, record_overflow, unexpected_message };

  void derive_keys();
  void update_keys();
  [[nodiscard]] AesGcm::Nonce nonce_of(uint64_t record_number) const;
  [[nodiscard]] static std::optional<Refusal> refusal_of(std::span<const std::byte> header);
  [[nodiscard]] bool gather(std::span<const std::byte>& input, size_t bytes);
  Opened open_pieces(std::span<const std::byte>& input, std::span<std::byte> room);
  Opened open_record(std::span<const std::byte> record, std::span<std::byte> room);
  Opened give_kept(std::span<std::byte> room);
  Opened hand_over(std::span<std::byte> inner, size_t content_bytes);
  [[nodiscard]] std::optional<std::span<const std::byte>> with_whole_heads(
      std::span<const std::byte> inner, std::span<const std::byte> begun);
  Opened refuse(Refusal refusal);

  size_t key_bytes_;
  std::array<std::byte, 48> secret_{};
  size_t secret_bytes_;
  AesGcm::Nonce iv_{};
  std::optional<AesGcm> cipher_;
  uint64_t record_number_ = 0;          // of the peer's next record
  uint64_t library_record_number_ = 0;  // of the record that the library expects next
  HandshakeMessages messages_;
  bool is_refused_ = false;

  // Touched only as far as they are used.
  std::array<std::byte, header_bytes + sealed_bytes_max> pieces_;  // a record that is not whole
  size_t piece_bytes_ = 0;
  std::array<std::byte, inner_bytes_max> kept_;  // text that found no room
  size_t kept_begin_ = 0;
  size_t kept_end_ = 0;
  std::array<std::byte, header_bytes + sealed_bytes_max + 1> handed_;
  std::array<std::byte, inner_bytes_max> whole_heads_;
};

}  // namespace havklo::io
