// Records in, text out; see the header for who decides what.
#include "io/tls/record_opener.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/kdf.h>

#include <algorithm>
#include <cstring>
#include <havklo/assert.hpp>
#include <limits>

namespace havklo::io {
namespace {

constexpr int aes_128_gcm_sha256 = 0x1301;
constexpr int aes_256_gcm_sha384 = 0x1302;

constexpr std::byte handshake{22};
constexpr std::byte application_data{23};
constexpr std::byte key_update{24};

size_t sealed_bytes_of(std::span<const std::byte> header) {
  return std::to_integer<size_t>(header[3]) << 8U | std::to_integer<size_t>(header[4]);
}

void write_header(std::span<std::byte> to, std::byte type, size_t bytes) {
  to[0] = type;
  to[1] = to[2] = std::byte{3};  // TLS 1.2, as every version since says
  to[3] = static_cast<std::byte>(bytes >> 8U);
  to[4] = static_cast<std::byte>(bytes);
}

}  // namespace

void expand_label(std::span<const std::byte> secret, std::string_view label,
                  std::span<std::byte> made) {
  const auto octets = [](const auto* bytes) { return reinterpret_cast<const ::byte*>(bytes); };
  constexpr std::string_view protocol = "tls13 ";
  const int result = wc_Tls13_HKDF_Expand_Label(
      reinterpret_cast<::byte*>(made.data()), static_cast<word32>(made.size()),
      octets(secret.data()), static_cast<word32>(secret.size()), octets(protocol.data()),
      static_cast<word32>(protocol.size()), octets(label.data()), static_cast<word32>(label.size()),
      nullptr, 0, secret.size() == 48 ? int{WC_SHA384} : int{WC_SHA256});
  HAVKLO_ASSERT(result == 0);  // the sizes are ours
}

TlsRecordOpener::HandshakeMessages::KeyUpdate TlsRecordOpener::HandshakeMessages::pass(
    std::span<const std::byte> content) {
  while (!content.empty()) {
    if (head_bytes_ < head_.size()) {
      head_[head_bytes_++] = content.front();
      content = content.subspan(1);
      if (head_bytes_ < head_.size()) continue;
      body_bytes_left_ = std::to_integer<size_t>(head_[1]) << 16U |
                         std::to_integer<size_t>(head_[2]) << 8U |
                         std::to_integer<size_t>(head_[3]);
    }
    const size_t passed = std::min(body_bytes_left_, content.size());
    content = content.subspan(passed);
    body_bytes_left_ -= passed;
    if (body_bytes_left_ != 0) break;
    head_bytes_ = 0;
    if (head_[0] == key_update) {
      return content.empty() ? KeyUpdate::at_the_end : KeyUpdate::misplaced;
    }
  }
  return KeyUpdate::none;
}

bool TlsRecordOpener::can_open(int cipher_suite, size_t secret_bytes) {
  return (cipher_suite == aes_128_gcm_sha256 && secret_bytes == 32) ||
         (cipher_suite == aes_256_gcm_sha384 && secret_bytes == 48);
}

TlsRecordOpener::TlsRecordOpener(int cipher_suite, std::span<const std::byte> secret)
    : key_bytes_(cipher_suite == aes_128_gcm_sha256 ? 16 : 32), secret_bytes_(secret.size()) {
  HAVKLO_ASSERT(can_open(cipher_suite, secret.size()));
  std::ranges::copy(secret, secret_.begin());
  derive_keys();
}

TlsRecordOpener::~TlsRecordOpener() {
  explicit_bzero(secret_.data(), secret_.size());
  explicit_bzero(iv_.data(), iv_.size());
}

void TlsRecordOpener::derive_keys() {
  const auto secret = std::span(secret_).first(secret_bytes_);
  std::array<std::byte, 32> key{};
  expand_label(secret, "key", std::span(key).first(key_bytes_));
  expand_label(secret, "iv", iv_);
  cipher_.emplace(std::span(key).first(key_bytes_));
  explicit_bzero(key.data(), key.size());
  record_number_ = 0;
  library_record_number_ = 0;
}

void TlsRecordOpener::update_keys() {
  std::array<std::byte, 48> next{};
  const auto made = std::span(next).first(secret_bytes_);
  expand_label(std::span(secret_).first(secret_bytes_), "traffic upd", made);
  std::ranges::copy(made, secret_.begin());
  explicit_bzero(next.data(), next.size());
  derive_keys();
}

AesGcm::Nonce TlsRecordOpener::nonce_of(uint64_t record_number) const {
  AesGcm::Nonce nonce = iv_;
  uint64_t low = 0;
  std::memcpy(&low, nonce.data() + 4, sizeof low);
  low ^= __builtin_bswap64(record_number);  // the number is in network order
  std::memcpy(nonce.data() + 4, &low, sizeof low);
  return nonce;
}

std::optional<TlsRecordOpener::Refusal> TlsRecordOpener::refusal_of(
    std::span<const std::byte> header) {
  // The version is not looked at (§5.1), but it is under the tag.
  if (header[0] != application_data) return Refusal::unexpected_message;
  if (sealed_bytes_of(header) > sealed_bytes_max) return Refusal::record_overflow;
  return std::nullopt;
}

// Whether `pieces_` holds that many bytes now.
bool TlsRecordOpener::gather(std::span<const std::byte>& input, size_t bytes) {
  if (piece_bytes_ >= bytes) return true;
  const size_t more = std::min(bytes - piece_bytes_, input.size());
  std::memcpy(pieces_.data() + piece_bytes_, input.data(), more);
  piece_bytes_ += more;
  input = input.subspan(more);
  return piece_bytes_ == bytes;
}

TlsRecordOpener::Opened TlsRecordOpener::open_next(std::span<const std::byte>& input,
                                                   std::span<std::byte> room) {
  if (kept_begin_ < kept_end_) return give_kept(room);
  if (is_refused_) {
    input = {};
    return {};
  }
  if (piece_bytes_ != 0 || input.size() < header_bytes) return open_pieces(input, room);
  if (const auto refusal = refusal_of(input)) return refuse(*refusal);
  const size_t record_bytes = header_bytes + sealed_bytes_of(input);
  if (input.size() < record_bytes) return open_pieces(input, room);
  const auto record = input.first(record_bytes);
  input = input.subspan(record_bytes);
  return open_record(record, room);
}

TlsRecordOpener::Opened TlsRecordOpener::open_pieces(std::span<const std::byte>& input,
                                                     std::span<std::byte> room) {
  if (!gather(input, header_bytes)) return {};
  if (const auto refusal = refusal_of(pieces_)) return refuse(*refusal);
  const size_t record_bytes = header_bytes + sealed_bytes_of(pieces_);
  if (!gather(input, record_bytes)) return {};
  piece_bytes_ = 0;
  return open_record(std::span(pieces_).first(record_bytes), room);
}

TlsRecordOpener::Opened TlsRecordOpener::open_record(std::span<const std::byte> record,
                                                     std::span<std::byte> room) {
  const auto sealed = record.subspan(header_bytes);
  // A number must not come twice under a key: the last one is not used (§5.5 asks for new keys long
  // before).
  if (sealed.size() <= AesGcm::tag_bytes ||
      record_number_ == std::numeric_limits<uint64_t>::max()) {
    return refuse(Refusal::bad_record_mac);
  }
  const size_t inner_bytes = sealed.size() - AesGcm::tag_bytes;
  const bool fits = inner_bytes <= room.size();
  const auto inner = (fits ? room : std::span<std::byte>(kept_)).first(inner_bytes);
  if (!cipher_->open(sealed, nonce_of(record_number_), record.first(header_bytes), inner)) {
    return refuse(Refusal::bad_record_mac);
  }
  ++record_number_;
  size_t content_bytes = inner_bytes;  // and the type behind it; zeros follow
  while (content_bytes != 0 && inner[content_bytes - 1] == std::byte{}) --content_bytes;
  const bool is_text = content_bytes != 0 && inner[content_bytes - 1] == application_data;
  if (!is_text) return hand_over(inner, content_bytes);
  if (messages_.is_within_one()) {  // §5.1: nothing comes between the pieces of one
    std::ranges::fill(inner, std::byte{});
    return refuse(Refusal::unexpected_message);
  }
  --content_bytes;
  if (fits) return {.kind = Opened::Kind::text, .text_bytes = content_bytes};
  kept_begin_ = 0;
  kept_end_ = content_bytes;
  return give_kept(room);
}

TlsRecordOpener::Opened TlsRecordOpener::give_kept(std::span<std::byte> room) {
  const size_t bytes = std::min(kept_end_ - kept_begin_, room.size());
  std::memcpy(room.data(), kept_.data() + kept_begin_, bytes);
  kept_begin_ += bytes;
  return {.kind = Opened::Kind::text, .text_bytes = bytes};
}

// The library wants the four bytes of a message's head in one record. So a head that is not whole
// waits here (`begun`: what waited so far) for the record that goes on with it. None: too much.
std::optional<std::span<const std::byte>> TlsRecordOpener::with_whole_heads(
    std::span<const std::byte> inner, std::span<const std::byte> begun) {
  const size_t waits = messages_.begun_head().size();
  if (begun.empty() && waits == 0) return inner;
  size_t content_bytes = inner.size();
  while (inner[content_bytes - 1] == std::byte{}) --content_bytes;
  const size_t bytes = begun.size() + content_bytes - 1 - waits;
  if (bytes >= inner_bytes_max) return std::nullopt;
  if (bytes == 0) return std::span<const std::byte>{};
  std::memcpy(whole_heads_.data(), begun.data(), begun.size());
  std::memcpy(whole_heads_.data() + begun.size(), inner.data(), bytes - begun.size());
  whole_heads_[bytes] = handshake;
  return std::span(whole_heads_).first(bytes + 1);
}

// `content_bytes` count the type; 0 when there is none.
TlsRecordOpener::Opened TlsRecordOpener::hand_over(std::span<std::byte> inner,
                                                   size_t content_bytes) {
  auto update = HandshakeMessages::KeyUpdate::none;
  std::optional<std::span<const std::byte>> handed = inner;
  if (content_bytes != 0 && inner[content_bytes - 1] == handshake) {
    std::array<std::byte, 4> begun{};
    const size_t begun_bytes = messages_.begun_head().size();
    std::ranges::copy(messages_.begun_head(), begun.begin());
    update = messages_.pass(inner.first(content_bytes - 1));
    handed = with_whole_heads(inner, std::span(begun).first(begun_bytes));
  }
  if (!handed) return refuse(Refusal::unexpected_message);
  const auto record = std::span(handed_).first(header_bytes + handed->size() + AesGcm::tag_bytes);
  if (!handed->empty()) {
    const auto header = record.first(header_bytes);
    write_header(header, application_data, handed->size() + AesGcm::tag_bytes);
    cipher_->seal(*handed, nonce_of(library_record_number_), header, record.subspan(header_bytes));
    ++library_record_number_;
  }
  std::ranges::fill(inner, std::byte{});  // a ticket is not for who reads text
  std::ranges::fill(whole_heads_, std::byte{});
  if (update == HandshakeMessages::KeyUpdate::misplaced) {
    return refuse(Refusal::unexpected_message);
  }
  if (update == HandshakeMessages::KeyUpdate::at_the_end) update_keys();
  if (handed->empty()) return {.kind = Opened::Kind::text};
  return {.kind = Opened::Kind::for_library, .text_bytes = 0, .record = record};
}

TlsRecordOpener::Opened TlsRecordOpener::refuse(Refusal refusal) {
  is_refused_ = true;
  size_t sealed_bytes = 1;
  std::byte type = handshake;  // bare, after the handshake: nothing of the sort may come
  if (refusal == Refusal::bad_record_mac) {
    type = application_data;
    sealed_bytes = 2 * AesGcm::tag_bytes;  // zeros, of which the tag would be right by chance
  } else if (refusal == Refusal::record_overflow) {
    type = application_data;
    sealed_bytes = sealed_bytes_max + 1;
  }
  const auto record = std::span(handed_).first(header_bytes + sealed_bytes);
  write_header(record, type, sealed_bytes);
  std::ranges::fill(record.subspan(header_bytes), std::byte{});
  return {.kind = Opened::Kind::for_library, .text_bytes = 0, .record = record};
}

}  // namespace havklo::io
