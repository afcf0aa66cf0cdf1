// A Kraken v2 exchange as a sans-I/O model: any number of connections, in virtual time.
//
// Owns:       the market feed, the connections, the faults under way, the venue's status.
// Not owned:  sockets and TLS (venue_transport.hpp in memory, tools/havklo/exchange_server on real
//             sockets), time.
// Threads:    one.
// Invariants: the same seed, plan and inputs at the same instants give the same bytes, however
//             often advance() is called between them. Nothing a client sends trips an assertion.
// Cost:       allocates freely; a market move costs text for each (symbol, depth) subscribed.
// Source:     kraken-v2, 2 to 8, 11 and 12.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/clock.hpp>
#include <havklo/random.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "replay/venue/connection.hpp"
#include "replay/venue/fault_plan.hpp"
#include "replay/venue/market_feed.hpp"

namespace havklo::replay {

// Where the updates of a book are cut into messages: for every connection alike, or for each in its
// own way (own_cut.hpp).
enum class MessageCut : uint8_t { alike, own };

struct VenueSettings {
  uint64_t seed = 1;
  int64_t utc_us = 1'783'465'203'000'000;  // at Instant 0: 2026-07-07T23:00:03Z
  Duration ack_delay = Duration::milliseconds(15);
  Duration snapshot_delay = Duration::milliseconds(38);  // after the ack
  Duration heartbeat_interval = Duration::seconds(1);
  Duration idle_timeout = Duration::seconds(60);
  Duration close_linger = Duration::seconds(2);  // for the client's answer to our close frame
  // Requests: beyond it "Exceeded msg rate". 0: no limit.
  uint32_t requests_per_second = 20;
  uint32_t requests_burst = 20;
  // Attempts to connect in a rolling window; beyond it HTTP 429 for connect_ban. 0: no limit.
  uint32_t connects_max = 150;
  Duration connects_window = Duration::seconds(600);
  Duration connect_ban = Duration::seconds(600);
  MessageCut cut = MessageCut::alike;
  Duration cut_hold = Duration::milliseconds(20);  // `own`: an update waits so long at most
};

// What becomes of an attempt to connect.
struct Admission {
  enum class Kind : uint8_t {
    accept,
    resolve_failed,
    refuse,
    silent_tcp,   // never answered
    silent_tls,   // TCP opens, and then nothing
    tls_garbage,  // bytes that are not TLS
    tls_abort,    // the handshake is broken off
    tls_expired,  // the certificate is out of date
    tls_wrong_name,
  };
  Kind kind = Kind::accept;
  uint32_t number = 0;  // of the attempt, from 1
};
[[nodiscard]] std::string_view to_string(Admission::Kind kind);

class Venue {
 public:
  Venue(VenueSettings settings, std::unique_ptr<MarketFeed> feed, FaultPlan plan,
        Instant start = {});
  ~Venue();
  Venue(const Venue&) = delete;
  Venue& operator=(const Venue&) = delete;

  // A client tries to connect; counts the attempt. `tls`: faults of TLS can strike. Only Kind::
  // accept, tls_expired and tls_wrong_name make a connection. `leg`: of the client's session, for
  // faults that are about one; a real venue cannot know.
  Admission admit(Instant now, bool tls, uint32_t leg = 0);
  // Null when there is none, or no longer.
  [[nodiscard]] VenueConnection* connection(uint32_t number);
  // The stream is gone, whoever ended it.
  void remove(uint32_t number);

  // False while a fault refuses every attempt by time: a real server stops listening.
  [[nodiscard]] bool listening(Instant now) const { return !faults_.refuses_everyone(now); }

  // Does what is due at or before `now`, in order. Call it before handing in what arrived at `now`
  // (the connections do so by themselves), and whenever next_deadline() has come.
  void advance(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  // The venue's state, announced on every open connection.
  void set_system(SystemStatus system, Instant now);
  // Adds to the plan while it runs: what a person or a test wants to break now.
  void add_fault(Fault fault);
  // The venue is well again: the plan is empty, the system online, nobody is banned or will be.
  // What faults have done to connections so far stays done.
  void heal(Instant now);

  void observe(VenueObserver* observer) { observer_ = observer; }
  [[nodiscard]] MarketFeed& feed() { return *feed_; }
  [[nodiscard]] const VenueSettings& settings() const { return settings_; }
  [[nodiscard]] uint32_t attempts() const { return attempts_; }
  [[nodiscard]] uint32_t connection_count() const {
    return static_cast<uint32_t>(connections_.size());
  }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  friend class VenueConnection;
  class Delivery;

  void run_due(Instant now);
  void strike_status(Instant now);
  [[nodiscard]] Instant next_status() const;
  [[nodiscard]] bool anyone_subscribed() const;
  [[nodiscard]] bool banned(Instant now);
  [[nodiscard]] int64_t utc_us(Instant at) const { return settings_.utc_us + at.ns / 1000; }
  void note(uint32_t connection, std::string_view what, std::string_view detail = {});

  VenueSettings settings_;
  std::unique_ptr<MarketFeed> feed_;
  ActiveFaults faults_;
  std::vector<bool> status_struck_;
  Random random_;
  SystemStatus system_ = SystemStatus::online;
  std::vector<std::unique_ptr<VenueConnection>> connections_;  // by number
  // Codecs of connections that ended, used again: they hold large buffers.
  std::vector<std::unique_ptr<websocket::Connection>> spare_codecs_;
  std::deque<Instant> attempt_times_;
  Instant banned_until_{};
  uint32_t attempts_ = 0;
  bool feed_running_ = false;
  Instant now_;
  VenueObserver* observer_ = nullptr;
};

}  // namespace havklo::replay
