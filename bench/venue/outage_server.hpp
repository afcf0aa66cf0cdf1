// A venue whose connections break when it is told to: it greets, acknowledges the books that are
// asked for, and sends a snapshot of each. Everything that it says was made beforehand, so that
// what it takes itself is little beside the client: the handshake, and a cipher a message.
//
// Owns:    the listener, the one connection, the texts of the books.
// Threads: run() belongs to one; the rest may be called by any.
// Cost:    run() spins. What it does for a client is counted: venue_ns().
// Tickets: with `knows_tickets` one of an earlier connection is good; else a connection meets a
//          server that never gave it, as behind a balancer, and shakes hands in full.
// Errors:  what the machine refuses ends the program with a line on stderr: it serves benchmarks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace havklo::bench {

class OutageServer {
 public:
  OutageServer(std::vector<std::string> symbols, bool knows_tickets);
  ~OutageServer();
  OutageServer(const OutageServer&) = delete;
  OutageServer& operator=(const OutageServer&) = delete;

  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] const std::string& ca_pem() const;

  // Until stop().
  void run();
  void stop();
  // Breaks the connection: end of stream, without a word of TLS or WebSocket.
  void cut();
  // Time spent so far between a client's bytes and the end of the answer to them.
  [[nodiscard]] int64_t venue_ns() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::bench
