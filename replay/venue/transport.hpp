// A network in memory: joins an engine to a venue model in virtual time.
//
// Owns:       what is on the way, both ways; the streams.
// Not owned:  the venue, time (the test or the simulator moves it), the engine.
// Threads:    one.
// Invariants: the contract of Transport: nothing from inside a call, nothing after close(), one
//             `closed` for each open; bytes of a stream keep their order; every read has
//             receive_padding readable bytes behind it. The same seed gives the same completions.
//
// Use: let `next` be the smaller of the engine's and this next_deadline(); set the clock to it;
// advance_to(next); turn(). The addresses of the venue's name race as they do live. There is no
// TLS: its faults arrive as the `closed` that TLS would give.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <havklo/random.hpp>
#include <havklo/transport.hpp>
#include <map>
#include <optional>
#include <vector>

#include "addresses/addresses.hpp"
#include "addresses/race.hpp"
#include "replay/venue/model.hpp"

namespace havklo::replay {

// How a connection fares at one address of the venue, beside what the venue's own faults do.
enum class AddressFault : uint8_t {
  none,
  refuse,       // TCP is refused
  silent_tcp,   // nothing answers
  silent_tls,   // TCP opens, then nothing
  silent_open,  // TLS too, then nothing
};

struct VenueAddress {
  Endpoint endpoint = {.address = {203, 0, 113, 7}, .port = 443, .family = 4};
  AddressFault fault = AddressFault::none;
  std::optional<Duration> lasting;  // of the fault, from the venue's start; none: until it is well
  friend bool operator==(const VenueAddress&, const VenueAddress&) = default;
};

struct NetworkSettings {
  uint64_t seed = 1;
  Duration latency = Duration::milliseconds(5);  // one way
  std::vector<Duration> leg_latency;             // of the first legs, in its place
  Duration jitter{};                             // up to so much more, drawn for each delivery
  // Reads are cut at seeded places, none longer than this. 0: as the venue sent them.
  uint32_t read_bytes_max = 0;
  // What is sent reaches the venue in pieces, none longer than this, and `sent` comes for each: the
  // kernel took no more at once. 0: whole.
  uint32_t write_bytes_max = 0;
  // Completions of different streams that wait for the same poll come in a seeded order.
  bool reorder = false;
  // What is sent stays for this long before the kernel takes it (`sent`).
  Duration send_time{};
  bool resume_tls = true;                      // from the second time on
  std::vector<VenueAddress> addresses = {{}};  // of its name, as an answer has them
};

[[nodiscard]] inline Duration latency_of(const NetworkSettings& network, uint32_t leg) {
  return leg < network.leg_latency.size() ? network.leg_latency[leg] : network.latency;
}
[[nodiscard]] inline Duration longest_latency(const NetworkSettings& network) {
  Duration longest = network.latency;
  for (const Duration each : network.leg_latency) longest = std::max(longest, each);
  return longest;
}

// A network whose far ends are a venue's: who watches it can look what the venue has.
class VenueNetwork : public Transport {
 public:
  // The venue's end of a stream; null when there is none, or no longer.
  [[nodiscard]] virtual const VenueConnection* venue_end(ConnectionId id) const = 0;
};

class VenueTransport final : public VenueNetwork {
 public:
  // `now`: the venue's, which must not be behind it. `legs`: how many each session has; of those
  // that it leaves out one.
  VenueTransport(Venue& venue, NetworkSettings settings, Instant now = {},
                 std::vector<uint32_t> legs = {});

  void open(ConnectionId id, const OpenRequest& request) override;
  void send(ConnectionId id, std::span<const std::byte> bytes) override;
  void close(ConnectionId id) override;
  void greeted(ConnectionId id) override;
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override;
  void flush() override {}

  // Moves virtual time, the venue's included. Never back.
  void advance_to(Instant now);
  // When something happens next, here or at the venue; `now` itself while completions wait.
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] Instant now() const { return now_; }

  // For tests and the simulator: breaks a stream from outside, as a middle box would.
  void reset_all();
  // No address has a fault any more; streams that one swallowed stay silent. No leg has a way of
  // its own.
  void heal();
  [[nodiscard]] uint32_t open_count() const;
  [[nodiscard]] const VenueConnection* venue_end(ConnectionId id) const override;

 private:
  struct Stream {
    ConnectionId id{};
    uint32_t leg = 0;     // of its session
    Duration latency;     // of its leg
    uint32_t number = 0;  // the venue's; 0: none (yet)
    bool tls = false;
    bool opened = false;  // `opened` was queued
    bool closed_by_us = false;
    bool ended = false;  // `closed` was queued
    bool greeted = false;
    addresses::AddressRace race;
    std::vector<Endpoint> running;  // in the race
    Endpoint peer;                  // where TCP is open; family 0: nowhere yet
    Instant last_down{};            // order of deliveries to the engine
    Instant last_up{};
    size_t unsent_bytes = 0;
    std::deque<std::vector<std::byte>> unread;  // at the venue's door while it is deaf
  };
  struct Happening {
    enum class Kind : uint8_t { arrive, refused, race, opened, down, up, up_end, sent, closed };
    Kind kind = Kind::arrive;
    ConnectionId id{};
    Completion completion;
    std::vector<std::byte> bytes;
    Endpoint peer;  // arrive, refused
  };

  [[nodiscard]] Stream* find(ConnectionId id);
  void schedule(Instant due, Happening happening);
  void happen(Happening& happening);
  void run_race(Stream& stream);
  void arrive(Stream& stream, const Endpoint& peer);
  void arrive_well(Stream& stream, const Endpoint& peer);
  void open_stream(Stream& stream);
  // TCP is refused there, which is known at `back`.
  void refuse(Stream& stream, const Endpoint& peer, Instant back);
  // Tells the addresses how the stream ended.
  void settle(Stream& stream);
  [[nodiscard]] AddressFault fault_at(const Endpoint& peer) const;
  void hear_venue();
  void collect_output(Stream& stream);
  void feed_unread(Stream& stream);
  void deliver_closed(Stream& stream, Reason reason, int32_t os_error, Instant due,
                      CertificateFault certificate = CertificateFault::none);
  void forget_finished();
  void reorder_ready(uint32_t count);
  [[nodiscard]] Instant down_time(Stream& stream);
  [[nodiscard]] Instant next_event() const;

  Venue& venue_;
  NetworkSettings settings_;
  std::vector<uint32_t> legs_;
  Random random_;
  Instant now_;
  addresses::Addresses addresses_;
  Instant began_;
  bool connected_before_ = false;
  uint64_t order_ = 0;
  std::vector<Stream> streams_;
  std::map<std::pair<Instant, uint64_t>, Happening> happenings_;
  std::deque<Happening> ready_;
};

}  // namespace havklo::replay
