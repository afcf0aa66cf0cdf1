// A recording read turn by turn and told in the model's words: the model must accept it.
//
// Inputs are read from the recorded completions by the observer's own eavesdropper
// (replay/observer/wire_view.hpp) and from the commands; outputs are the events, and the attempts
// that a replay of the recording asks its network for. Each turn the model must say just what was
// published. Left to the recording (Choices): what jitter drew, within its range; that the ring had
// no room, where it was nearly full; the all clear, and the losses that belong to subscriptions,
// watchdogs and the protocol, for which the model has no rule.
#pragma once

#include <algorithm>
#include <havklo/timer_wheel.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/connection_id.hpp"
#include "model/machine.hpp"
#include "replay/observer/wire_view.hpp"
#include "replay/playback/player.hpp"

namespace havklo::model {

struct Acceptance {
  uint64_t turns = 0;
  uint64_t outputs = 0;
  std::optional<std::string> rejected;  // the first turn that is not the model's
  // From here on two pictures fit, and the rest is not read: an attempt that did not begin with
  // ring and budget both full waits for one of them, and only one books another place.
  bool undecided = false;
};

class RecordedTurns final : public Choices, public replay::RequestObserver {
 public:
  RecordedTurns(replay::Reader reader, Mistake mistake)
      : sessions_(reader.header().sessions()),
        player_(std::move(reader)),
        machine_(sessions_, mistake, TimerWheel::tick),
        of_(sessions_.size()) {
    for (const Settings& each : sessions_) room_needed_ += ring_slots_min(each);
    player_.observe(this);
  }

  [[nodiscard]] Acceptance check() {
    using Status = replay::Player::Status;
    while (!result_.rejected && !result_.undecided) {
      const Status read = player_.read();
      if (read != Status::turn) break;
      for (Session& each : of_) each.begin_turn();
      if (player_.run_turn() != Status::turn) break;
      uint32_t place = 0;
      for (const Event& event : player_.events()) {
        const auto said = said_by(event);
        if (!said) continue;
        of_[said->session].published.push_back(*said);
        of_[said->session].places.push_back(place++);
      }
      run_model();
    }
    if (!player_.result().identical()) result_.rejected = "the recording does not replay";
    return result_;
  }

  [[nodiscard]] Duration draw(uint8_t session, Duration lowest, Duration highest) override {
    const Said* const wait = next_wait(session);
    if (wait == nullptr || lowest == highest) return highest;
    const bool shown = wait->cause == WaitsFor::backoff || wait->cause == WaitsFor::ring;
    const Duration drawn = shown ? wait->time : wait->time - 1_ns;  // hidden behind a longer one
    return std::clamp(drawn, lowest, highest);
  }
  [[nodiscard]] bool room(uint8_t session) override {
    if (of_[session].opens != 0 || !is_scarce()) return true;
    result_.undecided = result_.undecided || is_budget_full(session);
    return false;
  }
  [[nodiscard]] bool room_to_wait(uint8_t session) override {
    const Said* const wait = next_wait(session);
    return wait == nullptr || wait->cause != WaitsFor::ring || !is_scarce();
  }

  void on_open(ConnectionId id, const OpenRequest&) override {
    Session& session = of_[core::session_of(id)];
    session.opened = id;
    ++session.opens;
  }
  void on_send(ConnectionId, std::span<const std::byte>) override {}
  void on_close(ConnectionId) override {}

 private:
  struct Session {
    replay::WireView wire;
    ConnectionId opened{};
    uint32_t opens = 0;            // in this turn
    std::vector<Said> published;   // in this turn
    std::vector<uint32_t> places;  // … among those of all sessions
    size_t said = 0;               // of them by the model, so far
    void begin_turn() {
      published.clear();
      places.clear();
      said = opens = 0;
    }
  };

  [[nodiscard]] bool is_budget_full(uint8_t session) const {
    int64_t begun = 0;
    for (const Instant place : machine_.budget().places()) {
      if (place <= player_.turn().now && place != machine_.lives()[session].place) ++begun;
    }
    return begun >= sessions_[0].reconnect.connect_budget;
  }
  [[nodiscard]] bool is_scarce() const { return player_.turn().room < room_needed_; }
  // What comes next of this session; null: nothing more in this turn.
  [[nodiscard]] const Said* next(uint8_t session) {
    catch_up();
    const Session& of = of_[session];
    return of.said < of.published.size() ? &of.published[of.said] : nullptr;
  }
  [[nodiscard]] const Said* next_wait(uint8_t session) {
    catch_up();
    const Session& of = of_[session];
    for (size_t at = of.said; at < of.published.size(); ++at) {
      if (of.published[at].what == What::reconnecting) return &of.published[at];
    }
    return nullptr;
  }
  // An attempt begins another connection: what still comes of the last one is nobody's.
  void catch_up() {
    for (; counted_ < out_.size(); ++counted_) {
      Session& of = of_[out_[counted_].session];
      if (out_[counted_].what == What::attempt) {
        of.wire.begin(of.opened, player_.turn().now);
      } else {
        ++of.said;
        ++said_by_all_;
      }
    }
  }

  void run_model() {
    const replay::RecordedTurn& turn = player_.turn();
    out_.clear();
    counted_ = said_by_all_ = 0;
    completions_read_ = false;
    ++result_.turns;
    machine_.begin_turn(turn.now, *this, out_);
    for (const Command& command : turn.commands) {
      if (command.session >= of_.size()) continue;
      const auto session = static_cast<uint8_t>(command.session);
      if (command.kind == Command::Kind::reconnect) take(session, InputKind::reconnect);
      if (command.kind == Command::Kind::close) take(session, InputKind::close);
      if (command.kind == Command::Kind::unsubscribe) take_what_has_no_rule(session);
    }
    for (const Completion& completion : turn.completions) {
      const uint32_t session = core::session_of(completion.connection);
      if (session < of_.size()) on_completion(static_cast<uint8_t>(session), completion);
    }
    completions_read_ = true;
    for (uint8_t session = 0; session < of_.size(); ++session) {
      // A head that is none: that it was refused is the engine's to judge.
      if (of_[session].wire.http_status == 0 && is_refused(session)) upgrade(session);
    }
    do {
      take_all_without_rule();
    } while (machine_.fire_next());
    machine_.end_held();
    take_all_without_rule();
    catch_up();
    compare();
  }
  void take(uint8_t session, InputKind kind, bool maintenance = false) {
    machine_.take({.kind = kind, .session = session, .maintenance = maintenance});
  }
  void lose(uint8_t session, Reason reason, uint16_t close_code = 0) {
    machine_.take(
        {.kind = InputKind::lost, .session = session, .reason = reason, .close_code = close_code});
  }

  void on_completion(uint8_t session, const Completion& completion) {
    catch_up();
    replay::WireView& wire = of_[session].wire;
    if (completion.connection != wire.id) return;
    const uint16_t http_before = wire.http_status;
    const uint16_t code_before = wire.close_code;
    wire.on_delivered(completion, player_.turn().now);
    if (completion.kind == Completion::Kind::closed) return lose(session, completion.reason);
    if (completion.kind != Completion::Kind::received) return;
    if (http_before == 0 && wire.http_status != 0) upgrade(session);
    const bool greets = machine_.lives()[session].phase == Phase::greeting;
    if (wire.greeted()) {  // said again, a status changes nothing
      take(session, greets ? InputKind::greeted : InputKind::status, wire.last_said_maintenance());
    }
    take_what_has_no_rule(session);
    if (wire.close_code != 0 && code_before == 0) {
      lose(session, Reason::server_closed, wire.close_code);
    }
  }
  [[nodiscard]] bool is_refused(uint8_t session) {
    const Said* const said = next(session);
    return said != nullptr && said->what == What::connect_failed &&
           said->reason == Reason::upgrade_refused;
  }
  void upgrade(uint8_t session) {
    const replay::WireView& wire = of_[session].wire;
    if (!is_refused(session)) return take(session, InputKind::upgraded);
    // What it says of the status is believed: of a malformed 101 the view has one, too.
    Input input{.kind = InputKind::lost,
                .session = session,
                .reason = Reason::upgrade_refused,
                .http_status = next(session)->code,
                .retry_after = wire.retry_after};
    machine_.take(input);
  }
  void take_all_without_rule() {
    for (size_t before = out_.size() + 1; before != out_.size();) {
      before = out_.size();
      for (uint8_t session = 0; session < of_.size(); ++session) take_what_has_no_rule(session);
    }
  }
  // When what comes next of all sessions is of this one, and nothing in the model leads to it.
  void take_what_has_no_rule(uint8_t session) {
    for (const Said* said = next(session); said != nullptr; said = next(session)) {
      const Session& of = of_[session];
      const bool lost = said->what == What::disconnected || said->what == What::connect_failed;
      const size_t before = out_.size();
      if (of.places[of.said] != said_by_all_) return;
      if (said->what == What::restored) {
        take(session, InputKind::all_clear);
      } else if (lost && has_no_rule(session, said->reason)) {
        // Of several statuses in one read the last need not be the one that counted.
        const bool maintenance =
            said->reason == Reason::maintenance && of.wire.may_say_maintenance(player_.turn().now);
        if (maintenance) take(session, InputKind::status, true);
        lose(session, said->reason, said->code);
      }
      if (out_.size() == before) return;
    }
  }
  [[nodiscard]] bool has_no_rule(uint8_t session, Reason reason) const {
    return reason == Reason::protocol_error || reason == Reason::heartbeat_timeout ||
           reason == Reason::restore_timeout ||
           (completions_read_ && reason == Reason::maintenance &&
            of_[session].wire.close_code == 0 && !machine_fires(session));
  }
  // A deadline of the model's own is due: it will say so itself.
  [[nodiscard]] bool machine_fires(uint8_t session) const {
    for (const Timer& timer : machine_.lives()[session].timers) {
      if (timer.due <= player_.turn().now) return true;
    }
    return false;
  }

  void compare() {
    std::vector<Said> expected;
    std::vector<Said> done;
    for (uint8_t session = 0; session < of_.size(); ++session) {
      uint32_t attempts = 0;
      for (const Said& said : out_) {
        if (said.session != session) continue;
        if (said.what == What::attempt) {
          ++attempts;
        } else {
          expected.push_back(said);
        }
      }
      for (const Said& said : of_[session].published) done.push_back(said);
      for (; attempts != 0; --attempts) expected.push_back({.session = session});
      for (uint32_t i = 0; i < of_[session].opens; ++i) done.push_back({.session = session});
    }
    result_.outputs += done.size();
    if (expected == done || result_.undecided) return;
    const replay::RecordedTurn& turn = player_.turn();
    std::string text = "turn " + std::to_string(turn.number) + " at " +
                       std::to_string(turn.now.ns) + " ns\n  the model says\n";
    for (const Said& said : expected) text += "    " + text_of(said) + "\n";
    text += "  it was\n";
    for (const Said& said : done) text += "    " + text_of(said) + "\n";
    result_.rejected = text;
  }

  std::vector<Settings> sessions_;
  replay::Player player_;
  Machine machine_;
  std::vector<Session> of_;
  uint32_t room_needed_ = 0;
  std::vector<Said> out_;  // by the model, in this turn
  size_t counted_ = 0;
  uint32_t said_by_all_ = 0;
  bool completions_read_ = false;  // of this turn
  Acceptance result_;
};

}  // namespace havklo::model
