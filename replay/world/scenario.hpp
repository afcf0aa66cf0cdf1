// A scenario: the venue, its market and its faults, who connects and what the user does, as a
// person writes them (TOML).
//
// Owns nothing; functions from text to a Scenario and back. An unknown key, a wrong type or a value
// out of range is an error that names the line, and the nearest known key.
//
//     [venue]                      # all optional
//     seed = 7
//     ack_delay = "15ms"           # snapshot_delay heartbeat_interval idle_timeout close_linger
//     requests_per_second = 20     # requests_burst; 0: no limit
//     connects_max = 150           # connects_window connect_ban; 0: no limit
//     cut = "alike"                # own: each connection's book updates are put together in its
//     cut_hold = "20ms"            #   own way, of up to four moves within that time
//
//     [market]
//     rate = 20                    # moves per second and symbol; may be a fraction
//     trades_per_1000_moves = 25
//     unheard_trades = 0           # per second and symbol, while nobody listens; may be a fraction
//
//     [[symbol]]                   # none: the six default ones
//     name = "BTC/USD"
//     price = "63501.7"            # its decimals are the symbol's price decimals
//     qty_decimals = 8
//     levels = 1100                # fewer than 10: a thin book; 0: an empty one
//
//     [network]                    # of venue_transport: in memory only
//     latency = "5ms"              # jitter send_time
//     leg_latency = ["5ms", "1s"]  # of the first legs of each session, in its place
//     read_bytes_max = 0           # write_bytes_max reorder seed resume_tls
//
//     [[address]]                  # of the venue's name, as an answer has them: in memory only
//     ip = "203.0.113.7"           # without any, this one
//     fault = "silent_tls"         # none | refuse | silent_tcp | silent_tls | silent_open
//     for = "40s"                  # since the venue's start; none: until the world is well
//
//     [[fault]]
//     kind = "reset"               # the names of FaultKind, and "maintenance"
//     at = "5s"                    # since the venue's start, whoever connects later, or:
//     # after = "2s"               # since each connection was
//     # since = "upgraded"         #   accepted | upgraded | subscribed
//     # for = "3s"                 # how long it lasts
//     # every = "1s"               # actions: again and again
//     # connection = 2             # or [2, 4]: the n-th attempts to connect, from 1
//     # leg = 1                    # only that leg's connections, from 0: in memory only
//     # times = 1                  # strikes so often at most
//
//     [[fault]]                    # parameters, by kind:
//     kind = "close"               #   close:      code, text
//     code = 1012                  #   http:       code, retry_after = "5s", retry_after_date,
//     text = "service restart"     #               location
//     after = "10s"                #   blackhole:  stage = tcp | tls | upgrade | open
//                                  #   tls:        tls = garbage | abort | expired | wrong_name
//                                  #   reject_symbol, message, ping: text
//                                  #   violation:  violation = masked | bad_opcode | …, bytes
//                                  #   chunk:      bytes;  drip: bytes, interval
//                                  #   late_acks:  interval;  short_trades: trades
//                                  #   status:     system = online | cancel_only | post_only |
//                                  #               maintenance
//                                  #   symbol, channel: what subscriptions it is about
//     [[fault]]
//     kind = "maintenance"         # status, close 1012 `lead` later, then 503 `for` so long
//     at = "60s"
//     lead = "1s"
//     for = "30s"
//     retry_after = "5s"
//
//     # For the simulator only:
//     [run]
//     for = "60s"                  # the first act, in which faults strike; then the world is well
//     lateness = "2ms"             # turns begin up to so much late; also: seed (the engine's)
//     disk_blocks = 3              # a recorder, whose disk is full after so many blocks
//
//     [[session]]                  # the keys of a configuration file: url, [session.reconnect] …
//     [[session.subscription]]
//     channel = "book"
//     symbol = ["BTC/USD"]
//
//     [[command]]                  # what the user asks
//     kind = "unsubscribe"         #   subscribe | unsubscribe | reconnect | close
//     at = "7s"                    #   session channel symbol depth
//
//     [[pause]]                    # nobody takes events from the ring: at, for
//     [[jump]]                     # the clock leaps: at, by
//
// Durations are text with a unit: ns us ms s m h, fractions allowed.
#pragma once

#include <expected>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/fault_plan.hpp"
#include "replay/venue/market.hpp"
#include "replay/venue/model.hpp"
#include "replay/venue/transport.hpp"

namespace havklo::replay {

struct PlannedCommand {
  Duration at;
  Command::Kind kind = Command::Kind::reconnect;
  uint32_t session = 0;
  Channel channel = Channel::book;
  std::string symbol;
  uint32_t depth = 10;
};

struct ConsumerPause {
  Duration at;
  Duration lasting;
};

struct ClockJump {
  Duration at;
  Duration by;
};

struct RunSettings {
  uint64_t seed = 1;
  Duration lasting = Duration::seconds(60);
  bool says_for = false;  // the file does; else only the simulator's story ends then
  Duration lateness;
  std::optional<uint32_t> disk_blocks;  // none: nothing is recorded
};

struct Scenario {
  VenueSettings venue;
  MarketSettings market;
  NetworkSettings network;
  FaultPlan faults;
  // For the simulator.
  RunSettings run;
  std::vector<Settings> sessions;
  std::vector<PlannedCommand> commands;
  std::vector<ConsumerPause> pauses;
  std::vector<ClockJump> jumps;
};

// What a file is read for: a world in virtual time must end, a venue on a real socket need not.
// An addition to a world that runs has faults, pauses and jumps only; `at` is 0 for a fault that
// says neither `at` nor `after`.
enum class ScenarioUse : uint8_t { simulation, exchange, addition };

// `name` stands for the file in an error: "outage.toml:12: unknown key 'tiems'; did you mean
// 'times'?"
[[nodiscard]] std::expected<Scenario, std::string> parse_scenario(
    std::string_view toml, std::string_view name, ScenarioUse use = ScenarioUse::simulation);

// The same scenario as a file; what has its default is left out.
[[nodiscard]] std::string to_toml(const Scenario& scenario);

// A venue with a seeded market, as the scenario says.
[[nodiscard]] std::unique_ptr<Venue> make_venue(const Scenario& scenario, Instant start = {});

}  // namespace havklo::replay
