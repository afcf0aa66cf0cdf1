// Records of TLS 1.3, good, damaged, in any split and into rooms of any size, judged by a plain
// reader of RFC 8446 that opens each with wolfCrypt and its own key schedule: the same text, the
// same refusal at the same record; and the library behind, played here under its own count, must be
// able to open every record that it is handed, and find in them all that was no text.
//
// Input: the cipher suite, a seed of pieces and rooms; then what the peer does: seals some content,
// updates its key, repeats, cuts or damages what it sealed last, or sends bytes as they are.
#include <algorithm>
#include <havklo/random.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"
#include "io/tls/record_opener.hpp"
#include "support/tls_forger.hpp"

namespace havklo::tls_record_fuzz {
namespace {

using fuzz::FuzzInput;
using fuzz::require;
using io::TlsRecordOpener;

enum class Refusal : uint8_t { none, bad_record_mac, record_overflow, unexpected_message };

constexpr size_t sealed_bytes_max = (1U << 14U) + 1 + 16;
constexpr uint8_t handshake = 22;
constexpr uint8_t application_data = 23;

uint8_t octet(std::byte value) { return std::to_integer<uint8_t>(value); }

// Opens what a RecordSealer seals, and knows as little of the engine's code.
class PlainKeys {
 public:
  explicit PlainKeys(Wire secret) : secret_(std::move(secret)) {}

  // The inner plaintext; none: the tag is wrong.
  std::optional<Wire> open(std::span<const std::byte> record) {
    Wire key = expand("key", secret_.size() == 32 ? 16 : 32);
    Wire nonce = expand("iv", 12);
    for (size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::byte>(number_ >> (8 * i));
    if (record.size() < 5 + 17) return std::nullopt;
    const size_t bytes = record.size() - 5 - 16;
    Wire inner(bytes);
    Aes aes;
    require(wc_AesInit(&aes, nullptr, INVALID_DEVID) == 0, "wolfCrypt");
    require(wc_AesGcmSetKey(&aes, octets(key), static_cast<word32>(key.size())) == 0, "wolfCrypt");
    const auto* const sealed = reinterpret_cast<const ::byte*>(record.data());
    const int result = wc_AesGcmDecrypt(&aes, octets(inner), sealed + 5, static_cast<word32>(bytes),
                                        octets(nonce), 12, sealed + 5 + bytes, 16, sealed, 5);
    wc_AesFree(&aes);
    if (result != 0) return std::nullopt;
    ++number_;
    return inner;
  }
  void update() {
    secret_ = expand("traffic upd", secret_.size());
    number_ = 0;
  }

 private:
  static ::byte* octets(Wire& bytes) { return reinterpret_cast<::byte*>(bytes.data()); }
  Wire expand(std::string_view label, size_t bytes) {
    Wire made(bytes);
    const auto* const name = reinterpret_cast<const ::byte*>(label.data());
    const auto* const protocol = reinterpret_cast<const ::byte*>("tls13 ");
    require(wc_Tls13_HKDF_Expand_Label(octets(made), static_cast<word32>(bytes), octets(secret_),
                                       static_cast<word32>(secret_.size()), protocol, 6, name,
                                       static_cast<word32>(label.size()), nullptr, 0,
                                       secret_.size() == 48 ? int{WC_SHA384} : int{WC_SHA256}) == 0,
            "wolfCrypt");
    return made;
  }

  Wire secret_;
  uint64_t number_ = 0;
};

// The messages of the handshake protocol, put together: how each record's content ends.
class PlainMessages {
 public:
  // Whether a key update ends in it, and whether something stands behind that.
  struct Ends {
    bool in_key_update = false;
    bool behind_it = false;
  };
  Ends take(std::string_view content) {
    Ends ends;
    for (const char c : content) {
      if (ends.in_key_update) {
        ends.behind_it = true;
        break;
      }
      open_ += c;
      if (open_.size() < 4) continue;
      const auto byte = [this](size_t i) { return static_cast<uint8_t>(open_[i]); };
      const size_t body = size_t{byte(1)} << 16U | size_t{byte(2)} << 8U | byte(3);
      if (open_.size() < 4 + body) continue;
      ends.in_key_update = byte(0) == 24;
      open_.clear();
    }
    return ends;
  }
  [[nodiscard]] bool is_within_one() const { return !open_.empty(); }
  [[nodiscard]] size_t head_waits() const { return open_.size() < 4 ? open_.size() : 0; }

 private:
  std::string open_;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What comes of a wire: to the reader, and to the library.
struct Outcome {
  std::string text;
  std::string handshake;  // without a head that is not whole: that waits
  std::string others;     // type and content of each, and zeros as they came
  Refusal refusal = Refusal::none;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Inner {
  std::string content;
  std::optional<uint8_t> type;  // none: nothing but zeros
};
Inner inner_of(const Wire& plain) {
  size_t bytes = plain.size();
  while (bytes != 0 && plain[bytes - 1] == std::byte{}) --bytes;
  if (bytes == 0) return {text_of(plain), std::nullopt};
  return {text_of(std::span(plain).first(bytes - 1)), octet(plain[bytes - 1])};
}

Outcome plain_outcome(const Wire& wire, const Wire& secret) {
  PlainKeys keys(secret);
  PlainMessages messages;
  Outcome outcome;
  for (std::span<const std::byte> rest = wire; rest.size() >= 5;) {
    const size_t sealed = size_t{octet(rest[3])} << 8U | octet(rest[4]);
    if (octet(rest[0]) != application_data)
      outcome.refusal = Refusal::unexpected_message;
    else if (sealed > sealed_bytes_max)
      outcome.refusal = Refusal::record_overflow;
    if (outcome.refusal != Refusal::none || rest.size() < 5 + sealed) return outcome;
    const std::optional<Wire> plain = keys.open(rest.first(5 + sealed));
    rest = rest.subspan(5 + sealed);
    if (!plain) outcome.refusal = Refusal::bad_record_mac;
    if (!plain) return outcome;
    const Inner inner = inner_of(*plain);
    if (inner.type == application_data) {
      if (messages.is_within_one()) outcome.refusal = Refusal::unexpected_message;
      if (messages.is_within_one()) return outcome;
      outcome.text += inner.content;
    } else if (inner.type == handshake) {
      const size_t waited = messages.head_waits();
      const PlainMessages::Ends ends = messages.take(inner.content);
      // What waited comes again with what goes on with it, in one record: more than one can hold?
      const size_t waits = ends.in_key_update ? 0 : messages.head_waits();
      const size_t bytes = waited + inner.content.size() - waits;
      if (bytes > 1U << 14U) outcome.refusal = Refusal::unexpected_message;
      if (bytes > 1U << 14U) return outcome;
      if (ends.behind_it) outcome.refusal = Refusal::unexpected_message;
      if (ends.behind_it) return outcome;
      outcome.handshake += inner.content;
      if (ends.in_key_update) keys.update();
    } else {
      outcome.others +=
          (inner.type ? std::string(1, char(*inner.type)) : "zeros") + inner.content + '|';
    }
  }
  return outcome;
}

// The library's side of what the opener hands over.
class Library {
 public:
  explicit Library(const Wire& secret) : keys_(secret) {}
  // False: it refuses, and outcome.refusal says why.
  bool read(std::span<const std::byte> record, Outcome& outcome) {
    const size_t sealed = size_t{octet(record[3])} << 8U | octet(record[4]);
    require(record.size() == 5 + sealed, "a record of another size than its header says");
    if (octet(record[0]) != application_data) {
      outcome.refusal = Refusal::unexpected_message;
      return false;
    }
    if (sealed > sealed_bytes_max) {
      outcome.refusal = Refusal::record_overflow;
      return false;
    }
    const std::optional<Wire> plain = keys_.open(record);
    if (!plain) {
      outcome.refusal = Refusal::bad_record_mac;
      return false;
    }
    const Inner inner = inner_of(*plain);
    require(inner.type != application_data, "text is handed to the library");
    if (inner.type != handshake) {
      outcome.others +=
          (inner.type ? std::string(1, char(*inner.type)) : "zeros") + inner.content + '|';
      return true;
    }
    const PlainMessages::Ends ends = messages_.take(inner.content);
    require(messages_.head_waits() == 0, "a head in pieces is handed to the library");
    outcome.handshake += inner.content;
    if (ends.in_key_update && !ends.behind_it) keys_.update();
    return true;
  }

 private:
  PlainKeys keys_;
  PlainMessages messages_;
};

Outcome opened_outcome(const Wire& wire, const Wire& secret, int suite, uint64_t seed) {
  TlsRecordOpener opener(suite, secret);
  Library library(secret);
  Random random(seed);
  Outcome outcome;
  const bool small = random.below(2) == 0;
  const size_t piece_max = seed == 0 ? wire.size() + 1 : 1 + random.below(small ? 40 : 9'000);
  const size_t room_max = seed == 0 ? 20'000 : 1 + random.below(small ? 300 : 20'000);
  using Kind = TlsRecordOpener::Opened::Kind;
  for (size_t at = 0; at < wire.size();) {
    const size_t piece = std::min(wire.size() - at, 1 + random.below(piece_max));
    const Wire fed(wire.begin() + static_cast<ptrdiff_t>(at),
                   wire.begin() + static_cast<ptrdiff_t>(at + (seed == 0 ? wire.size() : piece)));
    at += fed.size();
    std::span<const std::byte> input = fed;
    for (Kind kind = Kind::text; kind != Kind::needs_more;) {
      Wire room(1 + random.below(room_max), std::byte{0xA5});
      const auto opened = opener.open_next(input, room);
      kind = opened.kind;
      require(opened.text_bytes <= room.size(), "more text than room");
      require(kind == Kind::text || opened.text_bytes == 0, "text beside something else");
      outcome.text += text_of(std::span(room).first(opened.text_bytes));
      const bool is_clean = std::ranges::all_of(
          room, [](std::byte one) { return one == std::byte{} || one == std::byte{0xA5}; });
      require(kind == Kind::text || is_clean, "what is no text stays in the room");
      if (kind == Kind::for_library && !library.read(opened.record, outcome)) {
        require(opener.open_next(input, room).kind == Kind::needs_more && input.empty(),
                "it goes on behind a refusal");
        return outcome;
      }
    }
    require(input.empty(), "input is left over");
  }
  return outcome;
}

// What the peer does.
Wire wire_from(FuzzInput& input, const Wire& secret) {
  RecordSealer sealer(secret);
  Wire wire;
  Wire last;
  const auto send = [&](Wire record) {
    wire.insert(wire.end(), record.begin(), record.end());
    last = std::move(record);
  };
  const auto damage = [&](size_t at, std::byte with) {
    if (at < last.size()) wire[wire.size() - last.size() + at] ^= with;
  };
  const auto cut = [&](size_t bytes) {
    bytes = std::min(bytes, last.size());
    wire.resize(wire.size() - bytes);
    last.resize(last.size() - bytes);
  };
  for (int step = 0; step < 40 && !input.empty() && wire.size() < 50'000; ++step) {
    const uint8_t kind = input.byte();
    switch (kind & 7) {
      case 0:  // text
        send(sealer.text(input.text(input.byte()), (kind >> 3) * (kind >> 3)));
        break;
      case 1:  // long text, up to what a record can hold and one more
        send(sealer.text(std::string(16'385 - input.byte() * (kind >> 3), 'x'), (kind >> 3) % 4));
        break;
      case 2: {  // anything, of any type
        const auto text = input.text(input.byte());
        send(sealer.seal(wire_of(text), input.byte(), kind >> 3));
        break;
      }
      case 3:  // a piece of handshake
        send(sealer.seal(wire_of(input.text(kind >> 3)), handshake));
        break;
      case 4:  // a key update, or what looks like one
        send(sealer.seal({std::byte{24}, {}, {}, std::byte{1}, static_cast<std::byte>(kind >> 7)},
                         handshake, kind >> 3 & 7));
        if ((kind & 64) == 0) sealer.update_secret();
        break;
      case 5: {  // damage to what was sent last: its header, or anywhere
        const size_t at = (kind & 8) != 0 ? kind >> 4 : input.below(last.size() + 1);
        damage(at, static_cast<std::byte>(input.byte()));
        break;
      }
      case 6:  // again, under another number, or cut
        if ((kind & 8) != 0)
          sealer.skip_numbers(1 + (kind >> 4));
        else if ((kind & 16) != 0)
          send(last);
        else
          cut(kind >> 5);
        break;
      default:
        send(wire_of(input.text(kind >> 3)));
        break;
    }
  }
  return wire;
}

}  // namespace

HAVKLO_FUZZ_TARGET(tls_record) {
  if (!io::AesGcm::is_fast()) throw fuzz::NotHere("this processor has no AES instructions");
  FuzzInput input(bytes);
  const bool long_key = input.flag();
  const uint64_t seed = 1 + input.number(2);
  Wire secret(long_key ? 48 : 32);
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::byte>(i * 7 + 1);
  const Wire wire = wire_from(input, secret);

  const int suite = long_key ? 0x1302 : 0x1301;
  Outcome plain = plain_outcome(wire, secret);
  const Outcome whole = opened_outcome(wire, secret, suite, 0);
  const Outcome cut = opened_outcome(wire, secret, suite, seed);
  require(cut == whole, "cut elsewhere it is another one");
  require(whole.text == plain.text, "other text than a plain reader's");
  require(whole.refusal == plain.refusal, "another refusal than a plain reader's");
  require(whole.others == plain.others, "the library gets something else");
  // Of a head in pieces nothing is handed over until it is whole.
  require(plain.handshake.starts_with(whole.handshake) &&
              plain.handshake.size() - whole.handshake.size() < 4,
          "the library gets other handshake messages");
}

}  // namespace havklo::tls_record_fuzz
