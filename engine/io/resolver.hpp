// Names to addresses, beside the loop.
//
// Owns:    a thread that sleeps unless asked, c-ares in it, and the last good addresses of a name,
//          which are used again when a later question fails.
// Threads: ask() and take() belong to the loop's thread. Literal addresses and "localhost" are
//          answered without the thread: the answer can be taken at once.
// Errors:  an answer without addresses. Once one family (IPv4, IPv6) is answered, the other is
//          waited for 50 ms. Looking up takes half of an attempt's time at most, so that the last
//          good addresses still serve the attempt when the name server is silent.
// Cost:    take() is one load while nothing waits. ask() allocates and wakes the thread: it happens
//          once an attempt.
// Why:     getaddrinfo in a loop has blocked it for seconds (lesson 30).
#pragma once

#include <cstdint>
#include <functional>
#include <havklo/transport.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::io {

struct ResolverAnswer {
  uint64_t token = 0;
  std::vector<Endpoint> addresses;  // in the order to try them; empty: the name does not resolve
};

// An address in text, "10.0.0.1" or "::1"; family 0 if it is none.
[[nodiscard]] Endpoint parse_address(std::string_view text, uint16_t port);

class Resolver {
 public:
  // `on_answer` is called in the resolver's thread after an answer was laid ready; it may wake the
  // loop. `servers`: name servers to ask, "127.0.0.1:53,…"; empty: the system's.
  explicit Resolver(std::function<void()> on_answer, std::string servers = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `timeout`: of the whole attempt.
  void ask(uint64_t token, std::string_view host, uint16_t port, Duration timeout);
  // The next answer, if there is one.
  [[nodiscard]] bool take(ResolverAnswer& answer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::io
