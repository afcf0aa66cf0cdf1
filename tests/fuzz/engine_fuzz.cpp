// The whole engine behind a network that the input scripts, and a venue's model at its other end:
// streams that open, fail, are cut anywhere and held back, faults of the venue, commands, leaps of
// the clock, a consumer that sleeps, and bytes that no venue says. The observer of the simulator
// watches; then the world is well, and everybody must be Live and verified, or Closed as the
// settings say, and close() must leave nothing behind.
//
// Input: the settings of one or two sessions; then steps, a byte and what the step needs. Once
// bytes of no venue have come, what the observer concludes from the wire no longer counts.
#include <algorithm>
#include <array>
#include <havklo/engine.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "replay/observer/run.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/recording/shared_ring.hpp"
#include "replay/venue/market.hpp"
#include "replay/venue/market_truth.hpp"
#include "replay/venue/model.hpp"
#include "replay/world/recovery_bound.hpp"
#include "support/fuzz/drawn_settings.hpp"
#include "support/fuzz/scripted_network.hpp"

namespace havklo::engine_fuzz {
namespace {

using namespace havklo::literals;
using fuzz::Disagreement;
using fuzz::FuzzInput;
using fuzz::require;
using fuzz::symbols;
using replay::Fault;
using replay::FaultKind;
using replay::Invariant;

constexpr size_t steps_max = 400;
// Of one walk of the clock, of one instant, of the recovery.
constexpr size_t walk_turns_max = 300;
constexpr size_t turns_per_instant_max = 2000;
constexpr size_t recovery_turns_max = 100'000;

// Of the observer's invariants those that no byte of a hostile peer can make false; the others are
// concluded from a wire on which a venue speaks (request_pace: from what it said of the rate, which
// one byte can make unreadable to either side).
bool holds_of_any_peer(Invariant invariant) {
  switch (invariant) {
    case Invariant::sequence:
    case Invariant::event_time:
    case Invariant::epoch:
    case Invariant::dead_epoch:
    case Invariant::legal_event:
    case Invariant::silent_loss:
    case Invariant::after_closed:
    case Invariant::uptime:
    case Invariant::attempt_count:
    case Invariant::max_attempts:
    case Invariant::connect_budget:
    case Invariant::wait_kept:
    case Invariant::breaker_transition:
    case Invariant::one_probe:
    case Invariant::transport_contract:
    case Invariant::command_obeyed:
    case Invariant::turn_ends:
    case Invariant::ring_intact:
    case Invariant::no_leak:
      return true;
    default:
      return false;
  }
}

class World {
 public:
  explicit World(FuzzInput input)
      : input_(input),
        sessions_(draw_sessions(input_)),
        truth_(new replay::MarketTruth(
            std::make_unique<replay::Market>(market(), 7, replay::VenueSettings{}.utc_us), {10, 25},
            true)),
        venue_(venue_settings(), std::unique_ptr<replay::MarketFeed>(truth_), {}),
        network_(venue_, clock_, sessions_),
        ring_(replay::shared_ring_slots(sessions_)),
        ring_door_(ring_),
        commands_door_(commands_),
        observer_(sessions_, clock_, network_, ring_door_, commands_door_, *truth_, verdict_,
                  nullptr) {
    clock_.set_utc_offset(Duration::microseconds(venue_.settings().utc_us));
    engine_ = std::make_unique<Engine>(
        sessions_, Doors{clock_, observer_, observer_, observer_, nullptr, 0x5eed});
    observer_.begin(engine_->names());
  }

  // The digest of all events.
  uint64_t run() {
    turns();
    for (size_t count = 0; !input_.empty() && count < steps_max; ++count) step();
    heal();
    recover();
    say_goodbye();
    return digest_.value();
  }

 private:
  static std::vector<Settings> draw_sessions(FuzzInput& input) {
    std::vector<Settings> all;
    for (size_t count = 1 + input.below(2); count != 0; --count) {
      all.push_back(fuzz::draw_settings(input));
    }
    return all;
  }
  static replay::MarketSettings market() {
    replay::MarketSettings settings{
        .symbols = {}, .moves_per_1000_s = 3000, .trades_per_1000_moves = 200};
    for (const std::string_view name : symbols) {
      replay::MarketSymbol symbol = replay::market_symbol(name);
      symbol.levels = 14;
      settings.symbols.push_back(symbol);
    }
    return settings;
  }
  static replay::VenueSettings venue_settings() {
    replay::VenueSettings settings;
    settings.connects_max = 0;
    settings.requests_per_second = 0;
    return settings;
  }
  [[nodiscard]] uint32_t draw_session() {
    return static_cast<uint32_t>(input_.below(sessions_.size()));
  }

  // One of all legs of all sessions.
  [[nodiscard]] fuzz::Leg draw_leg() {
    size_t legs = 0;
    for (const Settings& each : sessions_) legs += each.legs.size();
    fuzz::Leg drawn{.session = 0, .leg = static_cast<uint32_t>(input_.below(legs))};
    while (drawn.leg >= sessions_[drawn.session].legs.size()) {
      drawn.leg -= static_cast<uint32_t>(sessions_[drawn.session++].legs.size());
    }
    return drawn;
  }

  void judge() {
    if (!verdict_.breach()) return;
    const replay::Breach breach = *verdict_.breach();
    if (!hostile_ || holds_of_any_peer(breach.invariant)) {
      throw Disagreement(std::string(replay::to_string(breach.invariant)) + " broken by session " +
                         std::to_string(breach.session) + " at " + std::to_string(breach.at.ns) +
                         " ns: " + breach.what);
    }
    verdict_ = {};
  }

  void take_events() {
    for (Event event; readable_ != 0 && ring_.try_pop(event);) {
      if (readable_ != all_) --readable_;
      const bool follows =
          event.sequence == sequence_ + 1 ||
          (event.kind == EventKind::overrun && event.payload.overrun.first == sequence_ + 1);
      require(follows, "the consumer finds a hole that no Overrun reports");
      sequence_ = event.sequence;
      digest_.add(event);
    }
  }

  // Until nothing is due at this instant.
  void turns() {
    bool had_room = was_empty_;
    for (size_t count = 0;; ++count) {
      require(count != turns_per_instant_max, "the engine has something to do for ever");
      network_.hear_venue();
      had_room = had_room && ring_.peek().empty();
      const TurnResult result = engine_->turn();
      observer_.end_engine_turn();
      judge();
      take_events();
      network_.hear_venue();
      if (!result.more_due && !network_.has_ready()) break;
    }
    observer_.end_turn(had_room);
    judge();
    was_empty_ = ring_.peek().empty();
  }

  [[nodiscard]] Instant next_instant() {
    const Instant deadline = engine_->next_deadline();
    const bool waits = engine_->waits_for_room();
    const bool open =
        std::ranges::any_of(observer_.sessions(), [](const auto& each) { return !each->closed(); });
    require(!open || waits || deadline != Instant::never(),
            "nothing is armed, and not everybody is closed");
    Instant next = std::min(deadline, network_.next_deadline());
    if (waits && readable_ == all_) next = std::min(next, clock_.now() + 100_us);
    return std::max(next, clock_.now());
  }

  // From deadline to deadline, so long.
  void walk(Duration time) {
    const Instant end = clock_.now() + time;
    for (size_t count = 0; count < walk_turns_max; ++count) {
      const Instant next = next_instant();
      if (next > end) break;
      clock_.set(next);
      turns();
    }
    leap(std::max(end - clock_.now(), Duration{}));
  }
  void leap(Duration time) {
    clock_.set(clock_.now() + time);
    turns();
  }

  void step() {
    switch (input_.byte() % 20) {
      case 0:
        return walk(Duration::milliseconds(1 + input_.byte()));
      case 1:
        return walk(Duration::milliseconds(100 * (1 + input_.byte() % 64)));
      case 2:
        return leap(Duration::milliseconds(1 + input_.byte()));
      case 3:
        return leap(Duration::milliseconds(50 * (1 + input_.byte())));
      case 4: {
        const Instant next = next_instant();
        if (next == Instant::never()) return;
        clock_.set(next);
        return turns();
      }
      case 5: {
        const uint8_t mood = input_.byte();
        network_.mood = {.holds_opens = (mood & 1U) != 0,
                         .holds_down = (mood & 2U) != 0,
                         .holds_up = (mood & 4U) != 0,
                         .read_bytes = uint32_t{mood} >> 3U};
        return turns();
      }
      case 6: {
        const fuzz::Leg leg = draw_leg();
        network_.fail(leg, input_.byte());
        return turns();
      }
      case 7:
        return add_fault();
      case 8:
        return add_maintenance();
      case 9: {
        const fuzz::Leg leg = draw_leg();
        const uint16_t at = static_cast<uint16_t>(input_.number(2));
        const uint8_t by = input_.byte();
        hostile_ = hostile_ || by != 0;
        return network_.spoil(leg, at, by);
      }
      case 10: {
        const fuzz::Leg leg = draw_leg();
        if (!network_.say(leg, input_.text(input_.byte()))) return;
        hostile_ = true;
        return turns();
      }
      case 11: {
        const fuzz::Leg leg = draw_leg();
        if (!network_.say_text(leg, input_.text(input_.byte()))) return;
        hostile_ = true;
        return turns();
      }
      case 12:
        return command(Command::Kind::subscribe);
      case 13:
        return command(Command::Kind::unsubscribe);
      case 14:
        return command(Command::Kind::reconnect);
      case 15:
        return command(Command::Kind::close);
      case 16:
        readable_ = input_.byte();
        if (readable_ == 255) readable_ = all_;
        return take_events();
      default:
        return turns();
    }
  }

  void command(Command::Kind kind) {
    Command command;
    command.kind = kind;
    command.session = static_cast<uint8_t>(draw_session());
    if (kind == Command::Kind::subscribe || kind == Command::Kind::unsubscribe) {
      const uint8_t what = input_.byte();
      const std::string_view symbol = symbols[what % symbols.size()];
      command.channel = static_cast<Channel>(what / symbols.size() % channel_count);
      const auto value = static_cast<uint16_t>((what & 128U) != 0 ? 25 : 10);
      command.depth = command.channel == Channel::book   ? value
                      : command.channel == Channel::ohlc ? uint16_t{1}
                                                         : uint16_t{0};
      command.symbol_bytes = static_cast<uint8_t>(symbol.size());
      std::ranges::copy(symbol, command.symbol_text.begin());
    }
    if (!commands_.try_push(command)) return;
    ++command_count_;
    turns();
  }

  void add_fault() {
    Fault fault{.kind = static_cast<FaultKind>(
                    input_.below(static_cast<uint64_t>(replay::fault_kind_last) + 1))};
    const uint8_t how = input_.byte();
    const Duration since_start = clock_.now() - Instant{};
    fault.at = since_start;
    if (replay::is_action(fault.kind)) {
      fault.at = since_start + Duration::milliseconds(how);
    } else {
      fault.lasting = Duration::milliseconds(100 * (1 + how));
    }
    fault.times = 1 + how % 4;
    const std::array<uint16_t, 6> close_codes = {1000, 1001, 1012, 1013, 1011, 4000};
    const std::array<uint16_t, 6> http_codes = {503, 429, 404, 500, 302, 408};
    const uint8_t which = input_.byte();
    fault.code = fault.kind == FaultKind::http ? http_codes[which % 6] : close_codes[which % 6];
    if (which % 3 == 1) fault.retry_after = Duration::seconds(1 + which % 5);
    fault.retry_after_date = which % 2 == 1;
    if (which % 2 == 0) fault.symbol = symbols[which / 2 % symbols.size()];
    fault.stage = static_cast<replay::BlackholeStage>(which % 4);
    fault.tls = static_cast<replay::TlsFault>(which % 4);
    fault.violation = static_cast<replay::Violation>(which % 10);
    fault.bytes = 64 + which;
    const std::array<std::string_view, 4> texts = {"", "Currency pair not supported XYZ/EUR",
                                                   "EService:Unavailable",
                                                   "Subscription depth not supported"};
    if (fault.kind == FaultKind::reject_symbol) fault.text = texts[which % 4];
    fault.system = static_cast<SystemStatus>(1 + which % 4);
    if (fault.kind == FaultKind::message || fault.kind == FaultKind::violation) hostile_ = true;
    if (replay::check(fault)) return;
    retry_after_ = std::max(retry_after_, fault.retry_after.value_or(Duration{}));
    venue_.add_fault(std::move(fault));
    turns();
  }

  void add_maintenance() {
    replay::FaultPlan plan;
    const uint8_t how = input_.byte();
    plan.add_maintenance(clock_.now() - Instant{}, Duration::milliseconds(100 * (how % 16)),
                         Duration::seconds(1 + how / 16), 2_s);
    retry_after_ = std::max(retry_after_, 2_s);
    for (Fault& each : plan.faults) venue_.add_fault(std::move(each));
    turns();
  }

  void heal() {
    network_.mood = {};
    readable_ = all_;
    venue_.heal(clock_.now());
    turns();
  }

  [[nodiscard]] Duration bound() const {
    replay::Scenario scenario{.sessions = sessions_, .commands = {}, .pauses = {}, .jumps = {}};
    scenario.commands.resize(command_count_);
    scenario.faults.add({.kind = FaultKind::http,
                         .text = {},
                         .symbol = {},
                         .retry_after = hostile_ ? 600_s : retry_after_,
                         .location = {}});
    return replay::recovery_bound(scenario);
  }

  void recover() {
    const Instant end = clock_.now() + bound();
    const auto well = [](const auto& each) { return each->recovered() || each->closed(); };
    for (size_t count = 0; !std::ranges::all_of(observer_.sessions(), well); ++count) {
      const Instant next = next_instant();
      require(next <= end && count != recovery_turns_max, "not Live, though the world is well");
      clock_.set(next);
      turns();
    }
  }

  void say_goodbye() {
    for (uint8_t i = 0; i < sessions_.size(); ++i) {
      Command close;
      close.kind = Command::Kind::close;
      close.session = i;
      require(commands_.try_push(close), "no room for a command");
    }
    turns();
    const Instant end = clock_.now() + 201_ms;
    const auto closed = [](const auto& each) { return each->closed(); };
    while (!std::ranges::all_of(observer_.sessions(), closed)) {
      const Instant next = next_instant();
      require(next <= end, "close() does not end");
      clock_.set(next);
      turns();
    }
    require(engine_->closed(), "Closed was said, and it is not");
    require(engine_->next_deadline() == Instant::never(), "a timer is armed after the last Closed");
    require(network_.line_count() == 0, "a stream is open after the last Closed");
  }

  static constexpr uint32_t all_ = ~0U;

  FuzzInput input_;
  std::vector<Settings> sessions_;
  replay::Verdict verdict_;
  ManualClock clock_;
  replay::MarketTruth* truth_;  // the venue owns it
  replay::Venue venue_;
  fuzz::ScriptedNetwork network_;
  SpscRing<Command> commands_{64};
  EventRing ring_;
  RingEventDoor ring_door_;
  RingCommandDoor commands_door_;
  replay::RunObserver observer_;
  std::unique_ptr<Engine> engine_;
  replay::EventDigest digest_;
  uint64_t sequence_ = 0;
  uint32_t readable_ = all_;  // so many events the consumer still takes
  bool was_empty_ = true;
  bool hostile_ = false;
  size_t command_count_ = 0;
  Duration retry_after_;
};

}  // namespace

HAVKLO_FUZZ_TARGET(engine) {
  FuzzInput input(bytes);
  const bool twice = input.byte() % 8 == 1;
  const uint64_t digest = World(input).run();
  if (twice) require(World(input).run() == digest, "the same input gives other events");
}

}  // namespace havklo::engine_fuzz
