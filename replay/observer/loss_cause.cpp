// A reason at a time. One that the wire must show is a loss_reason, one that the clock must show a
// false_alarm.
#include "replay/observer/loss_cause.hpp"

namespace havklo::replay {
namespace {

std::optional<Invariant> unless(bool founded, Invariant invariant) {
  return founded ? std::nullopt : std::optional(invariant);
}

}  // namespace

std::optional<Invariant> unfounded(Reason reason, const Settings& settings, const WireView& wire,
                                   const LossCircumstances& seen, Instant at) {
  const auto after = [at](Instant since, Duration limit) {
    return unless(at - since >= limit, Invariant::false_alarm);
  };
  const TimeoutSettings& timeouts = settings.timeouts;
  switch (reason) {
    case Reason::end_of_stream:
    case Reason::peer_reset:
    case Reason::connect_refused:
    case Reason::resolve_failed:
    case Reason::tls_failed:
    case Reason::certificate_refused:
      return unless(wire.ended == reason, Invariant::loss_reason);
    case Reason::server_closed:
      return unless(wire.close_code != 0, Invariant::loss_reason);
    case Reason::connect_timeout:
      return after(wire.began, timeouts.connect_timeout);
    case Reason::greeting_timeout:
      return after(wire.upgraded_at, timeouts.greeting_timeout);
    case Reason::heartbeat_timeout:
      // Without a subscription a pong is all that there is to wait for.
      return after(seen.idle ? wire.last_heard_at : wire.last_message_at,
                   timeouts.heartbeat_timeout);
    case Reason::restore_timeout:
      return after(seen.connected_at, timeouts.restore_timeout);
    case Reason::probe_timeout:
      if (!seen.probing) return Invariant::false_alarm;
      return after(wire.began, settings.circuit_breaker.half_open_timeout);
    case Reason::requested:
      return unless(seen.asked_for, Invariant::loss_reason);
    case Reason::maintenance:
      return unless(wire.close_code == 1012 || wire.may_say_maintenance(at),
                    Invariant::loss_reason);
    case Reason::none:
    case Reason::lagging:  // of several legs alone
    case Reason::rotated:
      return Invariant::loss_reason;
    case Reason::upgrade_refused:
    case Reason::protocol_error:
      break;
  }
  return std::nullopt;
}

bool is_untold(Reason reason, const WireView& wire) {
  if (wire.http_status != 101) return false;  // there is no WebSocket to say it on
  switch (reason) {
    case Reason::greeting_timeout:
    case Reason::restore_timeout:
    case Reason::heartbeat_timeout:
    case Reason::probe_timeout:
      return wire.goodbye_code != 1001;
    case Reason::protocol_error:
      return wire.goodbye_code == 0;
    default:
      return false;
  }
}

}  // namespace havklo::replay
