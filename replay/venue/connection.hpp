// One client's connection as the venue sees it: plaintext in, plaintext out.
//
// Owns:       the WebSocket codec, the subscriptions, what waits to be done and to be sent.
// Not owned:  the venue (it owns us), the byte stream.
// Threads:    one.
// Invariants: output() never gives bytes that a fault holds back; after ending() is not `none`
//             nothing is read any more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <havklo/clock.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/fault_plan.hpp"
#include "replay/venue/market_feed.hpp"
#include "replay/venue/own_cut.hpp"
#include "replay/venue/request.hpp"
#include "websocket/connection.hpp"

namespace havklo::replay {

class Venue;

// Told what happens, for a log.
class VenueObserver {
 public:
  // connection 0: the venue itself.
  virtual void on_note(Instant now, uint32_t connection, std::string_view what,
                       std::string_view detail) = 0;

 protected:
  ~VenueObserver() = default;
};

class VenueConnection {
 public:
  enum class Ending : uint8_t { none, fin, reset };

  VenueConnection(Venue& venue, const ConnectionAge& age, bool banned,
                  std::unique_ptr<websocket::Connection> codec);

  [[nodiscard]] uint32_t number() const { return age_.number; }

  // TCP, and TLS where there is any, are open.
  void on_opened(Instant now);
  // Plaintext from the client; any length, no padding needed.
  void on_bytes(std::span<const std::byte> bytes, Instant now);
  // The client ended its half, or the stream broke.
  void on_end(Instant now);

  // What may be sent now: empty while a fault holds it back; at most one piece of a fault that
  // cuts. Each call's bytes should leave as one write.
  [[nodiscard]] std::span<const std::byte> output(Instant now) const;
  void consume(size_t bytes, Instant now);
  // Whether the stream is to be ended by the venue's side: reset at once, or FIN (all was sent).
  [[nodiscard]] Ending ending(Instant now) const;
  // False while a fault makes us deaf.
  [[nodiscard]] bool reads(Instant now) const;
  [[nodiscard]] size_t output_bytes() const { return wire_.size() - wire_begin_; }

  [[nodiscard]] Instant next_deadline(Instant now) const;
  // Everything due at `now`. For the venue.
  void run_due(Instant now);

  [[nodiscard]] bool upgraded() const { return age_.upgraded != Instant::never(); }
  [[nodiscard]] bool has(Channel channel, uint32_t symbol, uint32_t parameter) const {
    return std::ranges::any_of(subscriptions_, [&](const Subscription& each) {
      return each.channel == channel && each.symbol == symbol && each.parameter == parameter;
    });
  }
  [[nodiscard]] bool ended() const { return ending_ != Ending::none; }
  [[nodiscard]] bool subscribed() const { return !subscriptions_.empty(); }
  [[nodiscard]] const ConnectionAge& age() const { return age_; }

 private:
  friend class Venue;
  struct Handler;

  struct Subscription {
    Channel channel = Channel::book;
    uint32_t symbol = 0;     // or every_symbol
    uint32_t parameter = 0;  // depth, interval
    bool live = false;       // its snapshot, if it wanted one, has been sent
    bool dead = false;       // by a fault
    bool on_best = false;    // ticker: event_trigger bbo
  };
  struct Pending {
    enum class Kind : uint8_t { request, snapshot };
    Instant due;
    Kind kind = Kind::request;
    std::string request;
    Channel channel = Channel::book;
    uint32_t symbol = 0;
  };

  [[nodiscard]] bool can_send() const;
  void send(std::string_view text, Instant now);
  void send_raw(std::string_view bytes);
  void drain_codec();
  bool refuse_upgrade(std::string_view path, Instant now);
  void greet(Instant now);
  void answer(std::string_view text, Instant now);
  void answer_subscribe(const VenueRequest& request, Instant now);
  void answer_unsubscribe(const VenueRequest& request, Instant now);
  void subscribe_one(const VenueRequest& request, Channel channel, const std::string& symbol,
                     Instant now);
  [[nodiscard]] std::optional<uint32_t> index_of(Channel channel, std::string_view symbol) const;
  void send_error(const VenueRequest& request, std::string_view error, std::string_view symbol,
                  Instant now);
  // A request costs one credit; the rate gives them back.
  static constexpr int64_t request_credit_one = 1'000'000'000;
  [[nodiscard]] bool within_rate(Instant now);
  void send_snapshot(Channel channel, uint32_t symbol, Instant now);
  // False: it stays unsent.
  bool send_market(const Subscription& subscription, std::string_view text, Instant now);
  bool send_book(const Subscription& subscription, std::string_view text, Instant now);
  void send_book_update(const Subscription& subscription, std::string_view text, Instant now);
  // What is held back of it leaves, or of all whose time has come.
  void send_held(uint32_t symbol, Instant now);
  void send_held(Instant now);
  void send_crossed(const Subscription& subscription, Instant now);
  bool append_short_trades(uint32_t symbol, std::string& out, Instant now);
  void send_trades(std::string_view symbol, std::string_view text, Instant now);
  [[nodiscard]] Subscription* find(Channel channel, uint32_t symbol);
  void take_request(std::string_view text, Instant now);
  void schedule(Pending pending);
  void run_pending(Instant now);
  void run_faults(Instant now);
  [[nodiscard]] Instant next_fault(Instant now) const;
  void strike(const Fault& fault, Instant now);
  [[nodiscard]] bool swallowed(Instant now) const;
  void end(Ending ending, Instant now, std::string_view why);
  void note(std::string_view what, std::string_view detail = {});

  Venue& venue_;
  ConnectionAge age_;
  std::unique_ptr<websocket::Connection> codec_;
  bool opened_ = false;
  bool banned_ = false;
  bool deafened_ = false;  // the upgrade was swallowed: nothing is ever answered
  Ending ending_ = Ending::none;
  std::vector<Subscription> subscriptions_;
  std::optional<OwnCut> cut_;     // none: as for all
  std::deque<Pending> pending_;   // by due time
  std::vector<uint32_t> struck_;  // how often each action struck us
  // When the plan next concerns us, as it was last reckoned: asked for at every step of a world.
  struct FaultDeadline {
    uint64_t version = ~uint64_t{0};  // of the plan
    ConnectionAge age;
    Instant reckoned;
    Instant strike;  // may be due already
    Instant edge;    // after `reckoned`; until then the next one
  };
  mutable FaultDeadline fault_deadline_;
  Instant heartbeat_ = Instant::never();
  Instant active_{};  // last message either way
  Instant close_deadline_ = Instant::never();
  // Requests left, in billionths, and when that was reckoned.
  int64_t request_credit_ = 0;
  Instant request_credit_at_{};
  std::string wire_;
  size_t wire_begin_ = 0;
  // What a drip lets through: until when, how much is used.
  Instant drip_until_{};
  size_t drip_used_ = 0;
  std::vector<std::byte> padded_;
};

}  // namespace havklo::replay
