// One connection of the live transport, from a name to a closed socket.
//
// Owns:       its socket, its TLS stream, the plaintext that waits without TLS.
// Threads:    the loop's.
// Invariants: file >= 0 from the moment TCP is open until the slot is free again; tls is set while
//             handshaking and open, if TLS was asked for, unless no stream could be made.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/reason.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "addresses/addresses.hpp"
#include "addresses/race.hpp"
#include "io/tls/known_host.hpp"
#include "io/tls/stream.hpp"

namespace havklo::io {

struct ConnectionSlot {
  // resolving: no address is known yet. connecting: addresses race, each with a socket of its own
  // (PendingConnect). ended: the peer is gone, our goodbye has yet to be said. leaving: it was
  // said, and what the peer still says is thrown away.
  enum class Phase : uint8_t { free, resolving, connecting, handshaking, open, ended, leaving };

  ConnectionSlot() = default;
  virtual ~ConnectionSlot() {
    if (file >= 0) ::close(file);
  }
  ConnectionSlot(const ConnectionSlot&) = delete;
  ConnectionSlot& operator=(const ConnectionSlot&) = delete;

  uint32_t number = 0;
  uint32_t generation = 0;  // of the question to the resolver
  Phase phase = Phase::free;
  ConnectionId id{};
  std::string host;
  uint16_t port = 0;
  Endpoint source;                            // its own end is to have this address; family 0: any
  KnownHost* known = nullptr;                 // without TLS none
  addresses::Addresses* addresses = nullptr;  // of the name
  addresses::AddressRace race;
  Instant answer_due;    // with nobody left in the race
  bool asks = false;     // how the name resolves now is not yet known
  bool greeted = false;  // by the venue
  Endpoint peer;         // once TCP is open

  int file = -1;
  std::unique_ptr<TlsStream> tls;
  std::vector<std::byte> queue;   // plaintext that waits, without TLS
  uint32_t plaintext_queued = 0;  // given to us and not yet reported as sent
  int32_t send_error = 0;         // the peer is gone; nothing more is sent
  Instant heard_until;            // leaving: the end of our patience
  uint64_t heard_bytes = 0;       // … and what it is still good for

  bool has_failure = false;
  Reason failure = Reason::none;
  int32_t failure_error = 0;

  // TCP is not open yet.
  [[nodiscard]] bool races() const {
    return phase == Phase::resolving || phase == Phase::connecting;
  }
  // Bytes may come and go.
  [[nodiscard]] bool carries() const { return phase == Phase::handshaking || phase == Phase::open; }
  // TLS was asked for and there is no stream for it: no fault of the peer's.
  [[nodiscard]] bool lacks_stream() const { return known != nullptr && !tls; }
  // A leaving peer has said `bytes` more; false: it is heard no longer.
  [[nodiscard]] bool hears(uint64_t bytes) {
    heard_bytes -= bytes < heard_bytes ? bytes : heard_bytes;
    return heard_bytes != 0;
  }
  // What waits to be sent.
  [[nodiscard]] std::span<const std::byte> output() const {
    return tls ? tls->output() : std::span<const std::byte>(queue);
  }
  void consume_output(size_t bytes) {
    if (tls) return tls->consume_output(bytes);
    queue.erase(queue.begin(), queue.begin() + static_cast<ptrdiff_t>(bytes));
  }
};

}  // namespace havklo::io
