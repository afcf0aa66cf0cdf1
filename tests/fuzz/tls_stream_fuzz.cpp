// A whole TLS stream behind a real handshake, 1.3 and 1.2, its records mangled on the way: our own
// opening of records and wolfSSL's own record layer must tell the same story of what the same peer
// does, the one fed in drawn pieces into drawn rooms, the other whole. Under 1.2 wolfSSL opens on
// both sides, and the cuts alone differ.
//
// Each side has keys of its own, so what is compared is text and verdict, never bytes. A handshake
// message in pieces is left to tls_record_fuzz.cpp: there wolfSSL alone is stricter than the RFC.
//
// Which header is refused before its record is whole differs: ours by length, wolfSSL's by version.
// Where one has refused and the other waits, both are given the rest, of zeros.
//
// Input: version and suite, a seed of pieces and rooms; then what the peer does.
#include <algorithm>
#include <havklo/random.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"
#include "io/tls/aes_gcm.hpp"
#include "support/temporary_file.hpp"
#include "support/tls_forger.hpp"

namespace havklo::tls_stream_fuzz {
namespace {

using namespace io;
using fuzz::FuzzInput;
using fuzz::require;

constexpr uint8_t alert = 21;
constexpr uint8_t handshake = 22;

const CertificateAuthority& authority() {
  static const CertificateAuthority made = CertificateAuthority::make().value();
  return made;
}
const ServerIdentity& identity() {
  static const ServerIdentity made = authority().issue().value();
  return made;
}
TlsContext make_client(bool opens_records, TlsVersions versions) {
  const TemporaryFile ca(authority().certificate_pem());
  TlsContext made = TlsContext::client(ca.path(), versions).value();
  if (!opens_records) made.leave_records_to_library();
  return made;
}
TlsContext& client_context(bool opens_records, bool is_1_3) {
  static TlsContext opens = make_client(true, TlsVersions::only_1_3);
  static TlsContext leaves = make_client(false, TlsVersions::only_1_3);
  static TlsContext old = make_client(true, TlsVersions::only_1_2);
  return !is_1_3 ? old : opens_records ? opens : leaves;
}
TlsContext& old_server() {
  static TlsContext made = TlsContext::server(identity(), TlsVersions::only_1_2).value();
  return made;
}

// A server of either version: one that forges, or wolfSSL.
class Peer {
 public:
  Peer(TlsStream& client, int suite) {
    if (suite < 2) {
      forger_.emplace(identity(),
                      suite == 0 ? "TLS13-AES128-GCM-SHA256" : "TLS13-AES256-GCM-SHA384");
      wire = forger_->shake_hands(client);
      return;
    }
    server_.emplace(old_server());
    for (int step = 0; step < 10 && !(client.is_established() && server_->is_established());
         ++step) {
      static_cast<void>(client.handshake());
      const Wire said(client.output().begin(), client.output().end());
      client.consume_output(said.size());
      if (!said.empty()) server_->feed(said);
      static_cast<void>(server_->handshake());
      flight_ = taken();
      client.feed(flight_);
    }
    static_cast<void>(client.handshake());
    require(client.is_established(), "no handshake");
  }

  void act(FuzzInput& input) {
    const uint8_t kind = input.byte();
    switch (kind & 7) {
      case 0:
        return say(std::string(input.text(input.byte())), (kind >> 3) * (kind >> 3));
      case 1:
        return say(std::string(16'384 - size_t{input.byte()} * (kind >> 3), 'x'), 0);
      case 2:
        return update_key((kind & 8) != 0, (kind & 112) == 112);
      case 3: {
        const uint8_t level = input.byte();
        return say_alert(level, input.byte());
      }
      case 4: {
        const uint64_t at = (kind & 8) != 0 ? kind >> 4 : input.below(last_bytes_ + 1);
        const auto with = static_cast<std::byte>(input.byte());
        if (at < last_bytes_) wire[wire.size() - last_bytes_ + at] ^= with;
        return;
      }
      case 5:
        return send(Wire(wire.end() - static_cast<ptrdiff_t>(last_bytes_), wire.end()));
      case 6: {
        const size_t cut = std::min<size_t>(last_bytes_, kind >> 3);
        wire.resize(wire.size() - cut);
        last_bytes_ -= cut;
        return;
      }
      default:
        return send(wire_of(input.text(kind >> 3)));
    }
  }
  // One record more, good as far as the peer knows.
  Wire says(const std::string& text) {
    wire.clear();
    say(text, 0);
    return wire;
  }
  Wire wire;

 private:
  Wire taken() {
    Wire said(server_->output().begin(), server_->output().end());
    server_->consume_output(said.size());
    return said;
  }
  void send(const Wire& record) {
    wire.insert(wire.end(), record.begin(), record.end());
    last_bytes_ = record.size();
  }
  void say(const std::string& text, size_t padding) {
    if (forger_) return send(forger_->records().text(text, padding));
    static_cast<void>(server_->write(wire_of(text)));
    send(taken());
  }
  void update_key(bool asks_for_one, bool forgets_to) {
    if (!forger_) return;
    const auto asks = static_cast<std::byte>(asks_for_one ? 1 : 0);
    send(forger_->records().seal({std::byte{24}, {}, {}, std::byte{1}, asks}, handshake));
    if (!forgets_to) forger_->records().update_secret();
  }
  void say_alert(uint8_t level, uint8_t name) {
    if (forger_) {
      const Wire content = {static_cast<std::byte>(level), static_cast<std::byte>(name)};
      return send(forger_->records().seal(content, alert));
    }
    server_->send_close_notify();
    send(taken());
  }

  std::optional<TlsForger> forger_;
  std::optional<TlsStream> server_;
  Wire flight_;
  size_t last_bytes_ = 0;
};

struct Story {
  std::string text;
  TlsStatus status = TlsStatus::want_more;
  Reason reason = Reason::none;
  bool has_ticket = false;
  friend bool operator==(const Story&, const Story&) = default;
};

// `seed` 0: whole, into a room for all. `rest_bytes`: of zeros, behind all that the peer does.
Story story_of(FuzzInput input, int suite, bool opens_records, uint64_t seed, size_t rest_bytes) {
  TlsStream client(client_context(opens_records, suite < 2), "localhost");
  Peer peer(client, suite);
  require(client.opens_records() == (opens_records && suite < 2), "who opens the records");
  for (int step = 0; step < 24 && !input.empty() && peer.wire.size() < 50'000; ++step) {
    peer.act(input);
  }
  peer.wire.resize(peer.wire.size() + rest_bytes);
  Story story;
  Random random(seed);
  const bool small = random.below(2) == 0;
  const size_t piece_max = 1 + random.below(small ? 60 : 20'000);
  const size_t room_max = 1 + random.below(small ? 200 : 20'000);
  std::span<const std::byte> rest = peer.wire;
  while (!rest.empty() && story.status == TlsStatus::want_more) {
    const size_t piece = seed == 0 ? rest.size() : 1 + random.below(piece_max);
    const auto part = rest.first(std::min(piece, rest.size()));
    const Wire fed(part.begin(), part.end());  // of its own size
    rest = rest.subspan(part.size());
    client.feed(fed);
    Wire room(seed == 0 ? 40'000 : 1 + random.below(room_max));
    do {
      const TlsStream::Read read = client.read(room);
      require(read.bytes <= room.size(), "more text than room");
      story.text.append(reinterpret_cast<const char*>(room.data()), read.bytes);
      story.status = read.status;
    } while (story.status == TlsStatus::done);
  }
  if (story.status != TlsStatus::want_more) {  // and so it stays
    const Wire behind = peer.says("behind the end");
    client.feed(behind);
    Wire room(100);
    const TlsStream::Read read = client.read(room);
    require(read.status == story.status && read.bytes == 0, "it goes on behind its end");
  }
  story.reason = client.reason();
  story.has_ticket = !client.take_session().empty();
  require(story.status != TlsStatus::failed || !client.error_text().empty(), "a failure says why");
  return story;
}

}  // namespace

HAVKLO_FUZZ_TARGET(tls_stream) {
  if (!TlsForger::can_forge) throw fuzz::NotHere("this wolfSSL has no HAVE_SECRET_CALLBACK");
  if (!AesGcm::is_fast()) throw fuzz::NotHere("this processor has no AES instructions");
  FuzzInput input(bytes);
  const int suite = static_cast<int>(input.below(3));
  const uint64_t seed = 1 + input.number(2);
  Story ours = story_of(input, suite, true, seed, 0);
  Story theirs = story_of(input, suite, false, 0, 0);
  const bool ours_waits = ours.status == TlsStatus::want_more;
  if (ours_waits != (theirs.status == TlsStatus::want_more)) {
    ours = story_of(input, suite, true, seed, 70'000);
    theirs = story_of(input, suite, false, 0, 70'000);
  }
  require(ours.text == theirs.text, "other text than wolfSSL's own");
  require(ours.status == theirs.status, "another end than wolfSSL's own");
  require(ours == theirs, "another reason, or ticket, than wolfSSL's own");
}

}  // namespace havklo::tls_stream_fuzz
