// What an outage costs, the pause before the new attempt left out: from when the client noticed
// that the connection is gone to its all clear, every book's snapshot there and its checksum
// verified. TLS on loopback; the venue breaks the connection as soon as all is clear, and at once
// lets the client in again.
//   restore_ticket_N   N books; the venue knows the client's session ticket
//   restore_full_N     it does not: a full handshake
// Beside each client, as a contender of its own, what the venue took of that time: no client can be
// faster than its venue.
// Client and venue spin on a core each. Both clients connect to an address, no name is asked for,
// and neither pauses before it connects.
// A client brings:
//   bool open(const Venue&, std::string& why)    begins to connect
//   void pump(Outages&)                          once around its loop
//   const std::string& fault() const
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "bench/venue/outage_server.hpp"
#include "io/affinity.hpp"
#include "support/temporary_file.hpp"

namespace havklo::bench {

struct Venue {
  uint16_t port = 0;
  std::string ca_file;
  std::vector<std::string> symbols;
};

// Told by the client.
class Outages {
 public:
  Outages(OutageServer& server, bool tickets) : server_(server), tickets_(tickets) {}

  void on_lost(int64_t at_ns) {
    lost_ns_ = at_ns;
    venue_ns_ = server_.venue_ns();
  }
  void on_all_clear(bool resumed) {
    const int64_t now = monotonic_ns();
    if (lost_ns_ != 0) {
      costs_.push_back(static_cast<double>(now - lost_ns_));
      venue_costs_.push_back(static_cast<double>(server_.venue_ns() - venue_ns_));
      wrong_ = wrong_ || resumed != tickets_;
    }
    server_.cut();
  }
  [[nodiscard]] size_t count() const { return costs_.size(); }
  [[nodiscard]] std::vector<double>& costs() { return costs_; }
  [[nodiscard]] std::vector<double>& venue_costs() { return venue_costs_; }
  // A ticket was not taken, or one that should not have been.
  [[nodiscard]] bool wrong() const { return wrong_; }

 private:
  OutageServer& server_;
  bool tickets_;
  bool wrong_ = false;
  int64_t lost_ns_ = 0;
  int64_t venue_ns_ = 0;
  std::vector<double> costs_;
  std::vector<double> venue_costs_;
};

enum class Of : uint8_t { all, venue };

template <class Client, bool tickets, Of of>
Measured restore(const Run& run) {
  std::vector<std::string> symbols;
  for (int64_t i = 0; i < run.size; ++i) symbols.push_back("S" + std::to_string(i) + "/USD");
  OutageServer server(symbols, tickets);
  const TemporaryFile ca(server.ca_pem());
  std::atomic<bool> pinned{false};
  std::thread serving([&] {
    pinned = run.tiny || io::pin_this_thread(run.peer_cpu).has_value();
    server.run();
  });
  const size_t wanted = run.tiny ? 3 : 200;
  std::string why;
  Outages outages(server, tickets);
  {
    Client client;
    const int64_t until = monotonic_ns() + 30'000'000'000;
    if (client.open({server.port(), ca.path(), symbols}, why)) {
      while (outages.count() < wanted && client.fault().empty() && monotonic_ns() < until) {
        client.pump(outages);
        if (run.tiny) std::this_thread::yield();
      }
      why = client.fault();
    }
  }
  server.stop();
  serving.join();
  if (!pinned) why = "the server could not be pinned";
  if (why.empty() && outages.wrong()) why = "tickets were not used as they should have been";
  if (!why.empty()) return std::unexpected(why);
  if (outages.count() < wanted) {
    return std::unexpected("only " + std::to_string(outages.count()) + " of " +
                           std::to_string(wanted) + " outages ended");
  }
  return Figure{.value = median(of == Of::all ? outages.costs() : outages.venue_costs()),
                .percentiles = {}};
}

inline const std::vector<int64_t> restored_books{1, 50};

// The four questions of one client.
template <class Client>
struct RestoreRegistrations {
  RestoreRegistrations(const std::string& name, const std::string& version)
      : ticket("restore_ticket", name, version, restore<Client, true, Of::all>, restored_books),
        full("restore_full", name, version, restore<Client, false, Of::all>, restored_books),
        ticket_venue("restore_ticket", name + ": the venue's part", version,
                     restore<Client, true, Of::venue>, restored_books),
        full_venue("restore_full", name + ": the venue's part", version,
                   restore<Client, false, Of::venue>, restored_books) {}
  Registration ticket;
  Registration full;
  Registration ticket_venue;
  Registration full_venue;
};

}  // namespace havklo::bench
