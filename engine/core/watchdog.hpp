// Whether the feed of one connection is alive.
//
// While something is subscribed an application message must come within heartbeat_timeout; a pong
// does not count, for it proves the socket and not the feed. With nothing subscribed the venue is
// silent by design, and only the socket is probed.
// Owns:    what was heard when.   Not owned: the timer, the ping.
// Threads: loop thread.           Cost: O(1), two stores a message.
// Source:  design §1.1; kraken-v2.md §2: with nothing subscribed the venue closes after about a
//          minute without activity.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>

namespace havklo::core {

class Watchdog {
 public:
  enum class Finding : uint8_t {
    alive,
    ask,   // send a ping
    dead,  // heartbeat_timeout is over
  };

  explicit Watchdog(Duration heartbeat_timeout) : heartbeat_timeout_(heartbeat_timeout) {}

  void begin_connection() { pinged_at_.reset(); }
  // Any message at all.
  void heard(Instant now) { heard_at_ = now; }
  // An application message other than a pong.
  void fed(Instant now) { fed_at_ = now; }
  void pinged(Instant now) { pinged_at_ = now; }

  // When to look again.
  [[nodiscard]] Instant deadline(bool subscribed) {
    if (subscribed) {
      pinged_at_.reset();
      return fed_at_ + heartbeat_timeout_;
    }
    return pinged_at_ ? *pinged_at_ + heartbeat_timeout_ : heard_at_ + socket_probe_interval;
  }
  [[nodiscard]] Finding look(bool subscribed, Instant now) {
    if (subscribed) return now - fed_at_ >= heartbeat_timeout_ ? Finding::dead : Finding::alive;
    if (pinged_at_ && heard_at_ > *pinged_at_) pinged_at_.reset();
    if (!pinged_at_)
      return now - heard_at_ >= socket_probe_interval ? Finding::ask : Finding::alive;
    return now - *pinged_at_ >= heartbeat_timeout_ ? Finding::dead : Finding::alive;
  }

 private:
  // Well before that minute.
  static constexpr Duration socket_probe_interval = Duration::seconds(15);

  Duration heartbeat_timeout_;
  Instant fed_at_;
  Instant heard_at_;
  std::optional<Instant> pinged_at_;
};

}  // namespace havklo::core
