// The network door: what the core asks of a network, and what a network tells the core.
//
// A Transport opens byte streams (TCP, and TLS where asked), sends and delivers plaintext, and says
// how each stream ended. It knows nothing of WebSocket, of retries or of timeouts other than that
// within which the addresses of a name race. Live it is io_uring and wolfSSL, in the simulator a
// venue with faults, in replay the recorded completions.
//
// Contract:
//   - A turn asks twice: collect() finds out what has arrived, then the engine reads its clock, and
//     poll() delivers what was collected, so that no event is stamped earlier than its cause.
//   - A ConnectionId is chosen by the core and never used twice. Every open ends in exactly one
//     `closed`, unless the core called close() first: after close() nothing more is delivered for
//     that id.
//   - Nothing is delivered from inside open/send/close/flush; everything comes through poll().
//   - `received` bytes are valid during on_completion only, and are followed by at least
//     `receive_padding` readable bytes whose content means nothing.
// Threads: the loop's own.
// Cost:    neither collect() nor poll() blocks or allocates once a connection is open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <havklo/reason.hpp>
#include <span>
#include <string_view>

namespace havklo {

enum class ConnectionId : uint32_t {};

// The address that a connection reached. family: 4, 6, or 0 for "none".
struct Endpoint {
  std::array<uint8_t, 16> address{};  // IPv4 in the first four bytes; network order
  uint16_t port = 0;
  uint8_t family = 0;
  friend constexpr bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Views are valid during the call only.
struct OpenRequest {
  std::string_view host;  // a name, or an address in text; also the TLS server name
  uint16_t port = 0;
  bool tls = true;
  Duration timeout;  // the attempt's connect_timeout; the addresses of the name race within it
  std::string_view source_address = {};  // of this machine, in text; "": the kernel chooses
};

struct Completion {
  enum class Kind : uint8_t { opened, received, sent, closed };

  ConnectionId connection{};
  Kind kind = Kind::closed;
  bool tls_resumed = false;  // opened: by a session ticket
  Reason reason =
      Reason::none;  // closed: resolve_failed, connect_refused, connect_timeout, tls_failed,
                     //   certificate_refused, end_of_stream, peer_reset
  CertificateFault certificate = CertificateFault::none;  // closed: of certificate_refused
  int32_t os_error = 0;                                   // closed: errno, or 0
  uint32_t sent_bytes = 0;           // sent: plaintext bytes that left since the last `sent`
  Endpoint peer;                     // opened
  std::span<const std::byte> bytes;  // received
  // received: when the kernel and the card had the (last) bytes, nanoseconds since 1970 UTC; 0: not
  // known.
  int64_t kernel_time_ns = 0;
  int64_t hardware_time_ns = 0;
};

class CompletionSink {
 public:
  virtual void on_completion(const Completion& completion) = 0;

 protected:
  ~CompletionSink() = default;
};

// Memory into which a transport may put what it receives, so that whoever keeps it need not copy
// it: a recorder's.
class ReceiveRoom {
 public:
  // At least `bytes`, with receive_padding behind; empty: the transport uses its own. What is put
  // there and reported, from the beginning and before anything else is, is kept in place.
  [[nodiscard]] virtual std::span<std::byte> receive_room(ConnectionId id, size_t bytes) = 0;

 protected:
  ~ReceiveRoom() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Begins to open a stream: resolve, a race for TCP among the addresses of the name, TLS.
  virtual void open(ConnectionId id, const OpenRequest& request) = 0;

  // Queues plaintext, copied. At most send_buffer_bytes wait; more ends the stream (`closed`,
  // peer_reset).
  virtual void send(ConnectionId id, std::span<const std::byte> bytes) = 0;

  // Ends a stream: what was queued is still offered to the kernel once, then FIN; never waits for
  // the peer.
  virtual void close(ConnectionId id) = 0;

  // The venue greeted on it: the address is good. Who has several to choose from remembers it for
  // the next open().
  virtual void greeted(ConnectionId id) { static_cast<void>(id); }

  // Looks for what has arrived; what comes later waits for the next call. A network in which
  // nothing arrives between two calls, as a simulated one, has nothing to do here.
  virtual void collect() {}

  // Delivers what was collected, in arrival order, at most `completions_max` (what is left comes
  // with the next call); returns how many.
  virtual uint32_t poll(CompletionSink& sink, uint32_t completions_max) = 0;

  // Hands everything queued since the last call to the network; called once at the end of a turn.
  virtual void flush() = 0;
};

}  // namespace havklo
