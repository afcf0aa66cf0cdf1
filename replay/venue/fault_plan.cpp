// When a fault holds, and for whom.
#include "replay/venue/fault_plan.hpp"

#include <algorithm>
#include <array>

namespace havklo::replay {
namespace {

template <class Enum, size_t count>
std::string_view name_of(Enum value, const std::array<std::string_view, count>& names) {
  const auto index = static_cast<size_t>(value);
  return index < count ? names[index] : "unknown";
}

bool concerns(const Fault& fault, const ConnectionAge& age) {
  return age.number >= fault.connection_first && age.number <= fault.connection_last &&
         fault.leg.value_or(age.leg) == age.leg;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  static constexpr std::array<std::string_view, 31> names = {"resolve",
                                                             "refuse",
                                                             "blackhole",
                                                             "tls",
                                                             "http",
                                                             "bad_accept",
                                                             "silent_greeting",
                                                             "silent_acks",
                                                             "late_acks",
                                                             "rate_exceeded",
                                                             "reject_symbol",
                                                             "dead_subscription",
                                                             "silent_heartbeat",
                                                             "silent_data",
                                                             "bad_checksum",
                                                             "crossed_book",
                                                             "stall",
                                                             "deaf",
                                                             "chunk",
                                                             "drip",
                                                             "reset",
                                                             "end_of_stream",
                                                             "close",
                                                             "message",
                                                             "violation",
                                                             "ping",
                                                             "status",
                                                             "lost_trades",
                                                             "doubled_trades",
                                                             "short_trades",
                                                             "unreadable_trades"};
  static_assert(static_cast<size_t>(fault_kind_last) + 1 == names.size());
  return name_of(kind, names);
}

std::string_view to_string(BlackholeStage stage) {
  static constexpr std::array<std::string_view, 4> names = {"tcp", "tls", "upgrade", "open"};
  return name_of(stage, names);
}

std::string_view to_string(TlsFault fault) {
  static constexpr std::array<std::string_view, 4> names = {"garbage", "abort", "expired",
                                                            "wrong_name"};
  return name_of(fault, names);
}

std::string_view to_string(Violation violation) {
  static constexpr std::array<std::string_view, 10> names = {
      "masked",         "bad_opcode",         "reserved_bits", "invalid_utf8",
      "oversized",      "fragmented_control", "long_control",  "stray_continuation",
      "one_byte_close", "long_length"};
  return name_of(violation, names);
}

std::string_view to_string(Since since) {
  static constexpr std::array<std::string_view, 3> names = {"accepted", "upgraded", "subscribed"};
  return name_of(since, names);
}

FaultPlan& FaultPlan::add_maintenance(Duration at, Duration lead, Duration lasting,
                                      Duration retry_after, std::optional<uint32_t> leg) {
  Fault announced{.kind = FaultKind::status, .at = at, .leg = leg};
  Fault closed{.kind = FaultKind::close,
               .at = at + lead,
               .leg = leg,
               .code = 1012,
               .text = "service restart"};
  Fault away{.kind = FaultKind::http,
             .at = at + lead,
             .lasting = lasting,
             .leg = leg,
             .code = 503,
             .retry_after = retry_after};
  Fault back{.kind = FaultKind::status,
             .at = at + lead + lasting,
             .leg = leg,
             .system = SystemStatus::online};
  return add(announced).add(closed).add(away).add(back);
}

std::optional<std::string> check(const Fault& fault) {
  if (fault.at && fault.after) return "says both `at` and `after`: one of them";
  if (fault.connection_first < 1 || fault.connection_last < fault.connection_first) {
    return "`connection` counts from 1, the first not above the last";
  }
  if (is_action(fault.kind) && !fault.at && !fault.after) {
    return "is an action and needs an instant: `at` or `after`";
  }
  if (fault.every && (*fault.every <= Duration{} || !is_action(fault.kind))) {
    return "`every` is for actions, and longer than nothing";
  }
  if (fault.lasting && *fault.lasting <= Duration{}) return "`for` must be longer than nothing";
  if (fault.kind == FaultKind::http && (fault.code < 200 || fault.code > 599)) {
    return "`code` must be an HTTP status from 200 to 599";
  }
  if (fault.kind == FaultKind::close && (fault.code < 1000 || fault.code > 4999)) {
    return "`code` must be a close code from 1000 to 4999";
  }
  const bool cuts = fault.kind == FaultKind::chunk || fault.kind == FaultKind::drip;
  if (cuts && fault.bytes == 0) return "`bytes` must be at least 1";
  if (fault.kind == FaultKind::drip && fault.interval <= Duration{}) {
    return "`interval` must be longer than nothing";
  }
  return std::nullopt;
}

ActiveFaults::ActiveFaults(FaultPlan plan, Instant start)
    : plan_(std::move(plan)), strikes_(plan_.faults.size(), 0), start_(start) {}

void ActiveFaults::add(Fault fault) {
  plan_.faults.push_back(std::move(fault));
  strikes_.push_back(0);
  ++version_;
}

void ActiveFaults::clear() {
  plan_ = {};
  strikes_.clear();
  ++version_;
}

Instant ActiveFaults::begin_of(const Fault& fault, const ConnectionAge& age) const {
  if (fault.at) return start_ + *fault.at;
  if (!fault.after) return start_;
  const Instant base = fault.since == Since::accepted   ? age.accepted
                       : fault.since == Since::upgraded ? age.upgraded
                                                        : age.subscribed;
  return base == Instant::never() ? base : base + *fault.after;
}

bool ActiveFaults::holds(size_t index, const ConnectionAge& age, Instant now) const {
  const Fault& fault = plan_.faults[index];
  if (!concerns(fault, age) || strikes_[index] >= fault.times) return false;
  const Instant begin = begin_of(fault, age);
  return begin <= now && (!fault.lasting || now < begin + *fault.lasting);
}

const Fault* ActiveFaults::find(FaultKind kind, const ConnectionAge& age, Instant now) const {
  for (size_t i = 0; i < plan_.faults.size(); ++i) {
    if (plan_.faults[i].kind == kind && holds(i, age, now)) return &plan_.faults[i];
  }
  return nullptr;
}

const Fault* ActiveFaults::take(FaultKind kind, const ConnectionAge& age, Instant now,
                                std::string_view symbol, std::optional<Channel> channel) {
  for (size_t i = 0; i < plan_.faults.size(); ++i) {
    const Fault& fault = plan_.faults[i];
    if (fault.kind != kind || !holds(i, age, now)) continue;
    if (!fault.symbol.empty() && fault.symbol != symbol) continue;
    if (fault.channel && channel && *fault.channel != *channel) continue;
    ++strikes_[i];
    ++version_;
    return &fault;
  }
  return nullptr;
}

bool ActiveFaults::refuses_everyone(Instant now) const {
  return std::ranges::any_of(plan_.faults, [&](const Fault& fault) {
    if (fault.kind != FaultKind::refuse || fault.after || fault.times != unlimited) return false;
    if (fault.leg) return false;
    if (fault.connection_first != 1 || fault.connection_last != unlimited) return false;
    const Instant begin = fault.at ? start_ + *fault.at : start_;
    return begin <= now && (!fault.lasting || now < begin + *fault.lasting);
  });
}

Instant ActiveFaults::strike_time(size_t index, const ConnectionAge& age, uint32_t struck) const {
  const Fault& fault = plan_.faults[index];
  if (!is_action(fault.kind) || !concerns(fault, age) || strikes_[index] >= fault.times) {
    return Instant::never();
  }
  const Instant begin = begin_of(fault, age);
  if (begin == Instant::never()) return begin;
  if (!fault.every) return struck == 0 && begin >= age.accepted ? begin : Instant::never();
  int64_t round = struck;
  if (begin < age.accepted) {
    const int64_t missed = (age.accepted - begin).ns + fault.every->ns - 1;
    round += missed / fault.every->ns;
  }
  const Duration into = *fault.every * round;
  return fault.lasting && into >= *fault.lasting ? Instant::never() : begin + into;
}

bool ActiveFaults::strike(size_t index) {
  if (strikes_[index] >= plan_.faults[index].times) return false;
  ++strikes_[index];
  ++version_;
  return true;
}

Instant ActiveFaults::next_edge(const ConnectionAge& age, Instant now) const {
  Instant next = Instant::never();
  for (const Fault& fault : plan_.faults) {
    if (is_action(fault.kind) || !concerns(fault, age)) continue;
    const Instant begin = begin_of(fault, age);
    if (begin == Instant::never()) continue;
    if (begin > now) next = std::min(next, begin);
    if (fault.lasting && begin + *fault.lasting > now) {
      next = std::min(next, begin + *fault.lasting);
    }
  }
  return next;
}

}  // namespace havklo::replay
