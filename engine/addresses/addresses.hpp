// What is remembered of the addresses of one name, and the order in which an attempt tries them.
//
// Owns:       the last answer that held an address, what greeted last, what failed since.
// Not owned:  asking for the name, sockets, time: "last" is the order of the calls.
// Threads:    one.
// Invariants: an answer without addresses changes nothing. An address is listed once. What failed
//             since it greeted stands behind everything that did not.
// Cost:       allocates; some calls in each attempt.
// Rule:       design §1.1 (Addresses), lesson 39; families alternate by RFC 8305 §4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/transport.hpp>
#include <span>
#include <vector>

namespace havklo::addresses {

struct AddressOrder {
  std::vector<Endpoint> endpoints;  // in the order to try them
  size_t trusted = 0;  // so many of them, the first, have not failed since they greeted
};

class Addresses {
 public:
  // Of an answer; the rest of a longer one is never tried. A name has some ten.
  static constexpr size_t listed_max = 32;
  // Of what is in no answer any more: some name servers answer with another part each time.
  static constexpr size_t remembered_max = 64;

  // `answer`: what the name resolves to now, the best first (RFC 6724).
  void learn(std::span<const Endpoint> answer);
  // The venue greeted on a connection to it.
  void greeted(const Endpoint& endpoint);
  // A connection to it, or an attempt at one, ended without a greeting.
  void failed(const Endpoint& endpoint);

  [[nodiscard]] bool known() const { return listed_ != 0; }
  // What greeted, the last first; what was never tried; what failed since, the longest ago first.
  [[nodiscard]] AddressOrder order() const;

 private:
  struct Memory {
    Endpoint endpoint;
    uint64_t greeted = 0;  // the number of the call; 0: never
    uint64_t failed = 0;
    [[nodiscard]] bool has_failed_since() const { return failed > greeted; }
    [[nodiscard]] uint64_t last_news() const { return failed > greeted ? failed : greeted; }
  };
  Memory* find(const Endpoint& endpoint);
  void forget_oldest();

  std::vector<Memory> memories_;  // those of the last answer first, in its order
  size_t listed_ = 0;             // so many of them
  uint64_t calls_ = 0;
};

}  // namespace havklo::addresses
