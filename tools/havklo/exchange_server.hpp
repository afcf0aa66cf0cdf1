// The venue model on real sockets: TCP, TLS and the model's faults, in one loop of poll(2).
//
// Owns:    the listener, the sockets, the venue.
// Threads: one; step() or run() belong to it. port() may be read by any after create().
// Errors:  create() says in one line what could not be had; later, a broken client is closed.
// Refused attempts: a `refuse` that holds for everybody closes the listener for as long, so that
//          the kernel answers; one for single connections resets them after they were accepted.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "havklo/output_format.hpp"
#include "io/system_clock.hpp"
#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"
#include "replay/venue/model.hpp"

namespace havklo {

struct ExchangeServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: the kernel chooses
  bool tls = true;
  io::ServerIdentity identity;                   // with tls
  std::optional<io::ServerIdentity> expired;     // for the fault tls = "expired"
  std::optional<io::ServerIdentity> wrong_name;  // for the fault tls = "wrong_name"
};

// A line of the log. `detail` may be a client's own text: nothing in it acts on a terminal.
[[nodiscard]] std::string note_line(OutputFormat format, Instant now, uint32_t connection,
                                    std::string_view what, std::string_view detail);

class ExchangeServer {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<ExchangeServer>, std::string> create(
      const ExchangeServerOptions& options, std::unique_ptr<replay::Venue> venue);
  ~ExchangeServer();
  ExchangeServer(const ExchangeServer&) = delete;
  ExchangeServer& operator=(const ExchangeServer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] replay::Venue& venue() { return *venue_; }

  // Serves what is there, and sleeps for at most `longest` if nothing is.
  void step(Duration longest);
  // Until `stop`.
  void run(const std::atomic<bool>& stop);

 private:
  struct Peer;

  ExchangeServer() = default;
  [[nodiscard]] std::expected<void, std::string> listen();
  [[nodiscard]] Instant now() { return {(clock_.now() - began_).ns}; }
  [[nodiscard]] Duration until_next_deadline(Duration longest);
  void follow_listening();
  void accept_all();
  void admit(int file);
  void serve(Peer& peer, bool readable);
  void read(Peer& peer);
  void on_ciphertext(Peer& peer, std::span<const std::byte> bytes);
  void write(Peer& peer);
  void end(Peer& peer);

  ExchangeServerOptions options_;
  io::SystemClock clock_;
  Instant began_;
  std::unique_ptr<replay::Venue> venue_;
  std::optional<io::TlsContext> tls_;
  std::optional<io::TlsContext> expired_;
  std::optional<io::TlsContext> wrong_name_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace havklo
