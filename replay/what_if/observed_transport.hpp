// A network in virtual time that behaves as a recorded one did, as far as the recording knows.
//
// Owns:       the streams; what is due on them; the recorded feed.
// Not owned:  the observations, time (advance_to), the engine.
// Threads:    one.
// Invariants: the contract of Transport. Nothing random: the same observations and the same calls
//             give the same completions.
// Rules:      WHAT_IF.md. Each attempt goes as the recorded attempt that stands for it did,
//             phase by phase; what broke or silenced a live connection breaks or silences whatever
//             is connected at that instant; the recorded feed goes to whoever is subscribed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <havklo/transport.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/request.hpp"
#include "replay/what_if/observed_network.hpp"
#include "replay/what_if/recorded_feed.hpp"
#include "websocket/connection.hpp"

namespace havklo::replay {

// What rested on an assumption, and when.
struct Assumptions {
  std::vector<Instant> attempts;  // where the recording made none
  std::vector<Instant> disputed;  // of those: what came before and after it differs
  std::vector<Instant> feed;      // a book given out while the recording did not hear it
  std::vector<Instant> answers;   // to a request that the recording never made
};

class ObservedTransport final : public Transport {
 public:
  ObservedTransport(const ObservedNetwork& network, Assume assume);

  void open(ConnectionId id, const OpenRequest& request) override;
  void send(ConnectionId id, std::span<const std::byte> bytes) override;
  void close(ConnectionId id) override;
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override;
  void flush() override {}

  void advance_to(Instant now);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] const Assumptions& assumptions() const { return assumptions_; }

 private:
  struct Subscription {
    Channel channel = Channel::book;
    std::string symbol;
    uint32_t parameter = 0;
    bool live = false;
  };
  struct Stream {
    ConnectionId id{};
    const ObservedAttempt* like = nullptr;
    bool is_recorded = false;  // it is the attempt `like` itself: what that one heard, it hears
    std::unique_ptr<websocket::Connection> codec;
    Instant opened = Instant::never();
    Instant spoke;  // we, last
    bool greeted = false;
    bool silent = false;
    bool ended = false;  // `closed` is queued, or the engine closed it
    std::vector<Subscription> subscriptions;
    std::map<std::string, size_t> asked;  // how often: for the n-th answer
  };
  // What live connections suffered, whichever they were.
  struct Blow {
    Instant at;
    const ObservedEnd* end = nullptr;  // null: silence
  };
  struct Ready {
    Completion completion;
    std::vector<std::byte> bytes;
  };
  struct Handler;
  using Action = std::function<void(Stream&)>;

  [[nodiscard]] Stream* find(ConnectionId id);
  void schedule(Instant due, const Stream& stream, Action action);
  void run_due(Instant now);
  void run_feed();
  void hear(Stream& stream, const FeedItem& item, std::string_view text);
  // Of a stream that is that attempt: what it heard then, as it came.
  void hear_again(Stream& stream, const FeedItem& item);
  [[nodiscard]] bool was_asked_by(const Stream& stream, const ObservedAnswer* seen) const {
    return seen != nullptr && stream.is_recorded &&
           &network_.attempts[seen->attempt] == stream.like;
  }
  void strike();
  void beat(Stream& stream);
  [[nodiscard]] Instant next_beat(const Stream& stream) const;

  void on_opened(Stream& stream);
  void on_upgrade_request(Stream& stream);
  void on_answered(Stream& stream);
  void on_greeted(Stream& stream);
  void on_request(Stream& stream, std::string_view text);
  void on_ask(Stream& stream, const VenueRequest& request, const std::string& symbol);
  void answer(Stream& stream, const VenueRequest& request, const std::string& symbol,
              const ObservedAnswer* seen);
  // How many subscriptions that was.
  static size_t forget(Stream& stream, Channel channel, const std::string& symbol);
  // No `snapshot_after`: none comes, or the recorded one will.
  void subscribe(Stream& stream, const VenueRequest& request, const std::string& symbol,
                 std::optional<Duration> snapshot_after);
  void give_snapshot(Stream& stream, const std::string& symbol);
  void refuse(Stream& stream, const VenueRequest& request, const std::string& symbol,
              std::string_view error, bool names_symbol);
  void end(Stream& stream, const ObservedEnd& how);
  // The end that belongs to this attempt, as long after `phase` as it was then.
  void schedule_end(Stream& stream, Instant phase);

  void say(Stream& stream, std::string_view text);
  void deliver_output(Stream& stream);
  void deliver_bytes(Stream& stream, std::string_view bytes);
  void deliver(Stream& stream, Completion completion);
  [[nodiscard]] int64_t utc_us() const;

  const ObservedNetwork& network_;
  Assume assume_;
  RecordedFeed feed_;
  std::vector<const ObservedAttempt*> opened_after_;  // of each attempt; null: none
  std::vector<Blow> blows_;                           // by time
  size_t next_blow_ = 0;
  std::deque<Stream> streams_;
  std::map<std::pair<Instant, uint64_t>, std::pair<ConnectionId, Action>> due_;
  uint64_t order_ = 0;
  std::deque<Ready> ready_;
  Instant now_;
  Assumptions assumptions_;
};

}  // namespace havklo::replay
