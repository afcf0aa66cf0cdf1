// Names to addresses, beside the loop.
//
// Owns:    a thread that sleeps unless asked, and c-ares in it.
// Threads: ask() and take() belong to the loop's thread. Literal addresses and "localhost" are
//          answered without the thread: the answer can be taken at once.
// Rules:   one source and one name give the whole answer, for both families: the hosts file, if it
//          names the host at all; else DNS. A name with a dot is asked as it is, one without also
//          with the suffixes of resolv.conf, the next only when the one before does not exist. Once
//          a name was found, none behind it is asked any more: a wildcard there would answer for a
//          venue that is gone for a moment. No environment variable matters (lesson 40).
// Errors:  create() says in one line why there is no thread. Later: an answer without addresses.
//          Once one family (IPv4, IPv6) is answered, the other is waited for 50 ms (RFC 8305 §3).
//          Looking up takes half of an attempt's time at most.
// Cost:    take() is one load while nothing waits. ask() allocates and wakes the thread: it happens
//          once an attempt.
// Why:     getaddrinfo in a loop has blocked it for seconds (lesson 30).
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/transport.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::io {

// Where names are looked up: the system's, unless a test says otherwise.
struct ResolverSettings {
  std::string servers = {};  // name servers, "127.0.0.1:53,…"; empty: those of resolv_conf
  std::string hosts_file = "/etc/hosts";
  std::string resolv_conf = "/etc/resolv.conf";
};

struct ResolverAnswer {
  uint64_t token = 0;
  std::string host;  // as it was asked for
  uint16_t port = 0;
  std::vector<Endpoint> addresses;  // in the order to try them; empty: the name does not resolve
};

class Resolver {
 public:
  // `on_answer` is called in the resolver's thread after an answer was laid ready; it may wake the
  // loop.
  [[nodiscard]] static std::expected<std::unique_ptr<Resolver>, std::string> create(
      std::function<void()> on_answer, ResolverSettings settings = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `timeout`: of the whole attempt.
  void ask(uint64_t token, std::string_view host, uint16_t port, Duration timeout);
  // The next answer, if there is one.
  [[nodiscard]] bool take(ResolverAnswer& answer);

 private:
  struct State;
  explicit Resolver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace havklo::io
