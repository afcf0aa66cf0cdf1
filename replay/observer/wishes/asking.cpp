// What is to leave, when, and in which words.
#include "replay/observer/wishes/asking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <havklo/limits.hpp>

#include "kraken/channels.hpp"

namespace havklo::replay {
namespace {

bool names_symbols(Channel channel) { return kraken::facts_of(channel).names_symbols; }

}  // namespace

AskingObserver::AskingObserver(const Settings& settings, uint16_t session, const Names& names,
                               bool lossy, Verdict& verdict)
    : restore_timeout_(settings.timeouts.restore_timeout),
      stable_after_(settings.reconnect.stable_after),
      session_(session),
      names_(names),
      lossy_(lossy),
      verdict_(verdict),
      pace_(settings.requests, settings.reconnect.stable_after, timer_slack) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    for (const std::string& symbol : each.symbols) {
      Wish& wish = wish_for(each.channel, symbol);
      wish.wanted = true;
      wish.released = false;
      wish.parameter = parameter_of(each);
    }
  }
}

AskingObserver::Wish& AskingObserver::wish_for(Channel channel, std::string_view symbol) {
  for (Wish& wish : wishes_) {
    if (wish.channel == channel && wish.symbol == symbol) return wish;
  }
  wishes_.push_back({.channel = channel, .symbol = std::string(symbol)});
  return wishes_.back();
}

AskingObserver::Wish* AskingObserver::find(Channel channel, SymbolId id) {
  for (Wish& wish : wishes_) {
    if (wish.channel != channel) continue;
    if (!wish.id && names_.symbol(id) == wish.symbol) wish.id = id;
    if (wish.id == id) return &wish;
  }
  return nullptr;
}

void AskingObserver::violate(Invariant invariant, Instant at, std::string what) const {
  verdict_.violate(invariant, session_, at, std::move(what));
}

void AskingObserver::on_command(const Command& command, Instant now) {
  if (command.kind == Command::Kind::close) closing_ = true;
  const bool subscribes = command.kind == Command::Kind::subscribe;
  if (!subscribes && command.kind != Command::Kind::unsubscribe) return;
  Wish& wish = wish_for(command.channel, command.symbol());
  const bool has_parameter = !kraken::facts_of(command.channel).parameter.name.empty();
  const uint32_t parameter = has_parameter ? command.depth : 0;
  const bool changes = subscribes != wish.wanted || (subscribes && wish.parameter != parameter);
  if (!changes && !wish.refused) return;
  const bool is_new = subscribes && wish.released;
  const bool comes_back = subscribes && !wish.wanted;
  wish.wanted = subscribes;
  wish.released = wish.released && !subscribes;
  if (subscribes) wish.parameter = parameter;
  wish.disturbed = true;
  wish.owes_first = wish.owes_subscribed = false;
  wish.due.reset();
  wish.earliest.reset();
  begin_cycle(wish, now);
  const bool begins = is_new || (subscribes && wish.refused);
  if (begins || comes_back) {
    wish.refused = wish.in_doubt = wish.doubt_told = false;
    wish.bad_snapshots = 0;
  }
  if (!is_new) wish.repairs.reset();
  if (begins && connected_) wish.due = now;
  // What is held is given back at once; what is on its way back or was never taken, when it can.
  if (wish.told && !wish.given_back && !wish.broken) wish.due = now;
}

void AskingObserver::begin_cycle(Wish& wish, Instant now) {
  wish.cycle_began = wish.tried_since = now;
}

void AskingObserver::begin_turn(bool ring_is_empty) {
  ring_is_empty_ = ring_is_empty;
  if (ring_is_empty) return;
  for (Wish& wish : wishes_) wish.owes_first = false;
}

void AskingObserver::begin_epoch(Instant now) {
  connected_ = true;
  pace_.begin_connection(now);
  rate_errors_ = 0;
  rate_spoken_of_ = false;
  // What tells its doubt first may wait for slots.
  const bool together = ring_is_empty_ && !any_in_doubt();
  for (Wish& wish : wishes_) {
    wish.owes_first = wish.wanted && together;
    wish.disturbed = false;
    begin_cycle(wish, now);
    if (wish.wanted) wish.due = now;
  }
}

void AskingObserver::end_epoch(const WireView& wire, Instant now) {
  read_rate_errors(wire, now, false);
  pace_.end_connection(now);
  connected_ = false;
  stood_still_.clear();
  for (Wish& wish : wishes_) {
    wish.asked = wish.owes_first = wish.given_back = wish.told = wish.live = wish.broken = false;
    wish.refused = wish.disturbed = wish.answered = wish.owes_subscribed = false;
    wish.asked_parameters.clear();
    wish.due.reset();
    wish.earliest.reset();
    wish.lost = false;
    wish.repairs = 0;
    wish.bad_snapshots = wish.updates = 0;
    wish.doubt_told = false;
    if (!wish.wanted) wish.in_doubt = false;
  }
}

// Whether the engine has read what was delivered in the turn of a loss, nobody can know.
void AskingObserver::read_rate_errors(const WireView& wire, Instant now, bool certain) {
  for (; rate_errors_ < wire.rate_errors; ++rate_errors_) pace_.on_rate_error(now, certain);
}

void AskingObserver::on_delivered(WireView& wire, Instant now) {
  const uint32_t rate_errors_before = rate_errors_;
  rate_spoken_of_ = rate_spoken_of_ || wire.rate_errors != 0;
  if (connected_) {
    if (wire.rate_errors != rate_errors_before) {
      for (Wish& wish : wishes_) wish.answered = wish.answered || !wish.told || wish.given_back;
    }
    for (const SeenAnswer& answer : wire.answers) on_answer(answer, now);
    for (const std::string& symbol : wire.book_updates) {
      for (Wish& wish : wishes_) {
        if (wish.channel == Channel::book && wish.symbol == symbol && wish.live) ++wish.updates;
      }
    }
  }
  wire.answers.clear();
  wire.book_updates.clear();
}

bool AskingObserver::is_named(const Wish& wish, const SeenRequest& request) {
  return wish.channel == request.channel &&
         std::ranges::find(request.symbols, wish.symbol) != request.symbols.end();
}

void AskingObserver::on_request(const WireView& wire, const SeenRequest& request) {
  read_rate_errors(wire, request.at, true);
  if (!pace_.on_request(request.at)) {
    violate(Invariant::request_pace, request.at, "a request before its time");
  }
  if (request.req_id <= last_req_id_) {
    violate(Invariant::subscription_order, request.at, "the id of a request comes again");
  }
  last_req_id_ = request.req_id;
  if (!names_symbols(request.channel)) return;
  for (const std::string& symbol : request.symbols) {
    if (request.subscribe) {
      on_asked(wish_for(request.channel, symbol), request);
    } else {
      on_given_back(wish_for(request.channel, symbol), request);
    }
  }
  if (request.subscribe) check_company(request, request.at);
}

void AskingObserver::on_asked(Wish& wish, const SeenRequest& request) {
  if (!wish.wanted) {
    violate(Invariant::subscription_order, request.at,
            fmt::format("{} is asked for, and nobody wants it", wish.symbol));
  }
  if (request.parameter != wish.parameter) {
    violate(Invariant::subscription_order, request.at,
            fmt::format("{} is asked for in another depth", wish.symbol));
  }
  if (wish.refused && !wish.disturbed) {
    violate(Invariant::repair_wait, request.at,
            fmt::format("{} is asked for again, and it was refused for good", wish.symbol));
  }
  if (wish.earliest && request.at < *wish.earliest) {
    violate(Invariant::repair_wait, request.at,
            fmt::format("{} is asked for again {} ms early", wish.symbol,
                        (*wish.earliest - request.at).ns / 1'000'000));
  }
  const bool silent =
      wish.asked && !wish.answered && !wish.disturbed && !wish.given_back && rate_errors_ == 0;
  if (silent && request.at + timer_slack < wish.asked_at + restore_timeout_) {
    violate(Invariant::repair_wait, request.at,
            fmt::format("{} is asked for again before its time to answer is over", wish.symbol));
  }
  if (wish.asked) wish.repairs.reset();  // in vain: whether that counted, the deadlines decide
  wish.asked = true;
  wish.asked_parameters.insert(request.parameter);
  wish.req_id = request.req_id;
  wish.asked_at = request.at;
  wish.given_back = wish.disturbed = wish.answered = false;
  wish.due.reset();
  wish.earliest.reset();
}

// What is asked for first on a connection is asked for together.
void AskingObserver::check_company(const SeenRequest& request, Instant now) {
  bool any_first = false;
  for (Wish& wish : wishes_) {
    const bool first = wish.owes_first && is_named(wish, request);
    any_first = any_first || first;
    if (first) wish.owes_first = false;
  }
  if (!any_first || request.symbols.size() >= symbols_per_request_max) return;
  if (rate_spoken_of_) return;  // one that waited for long is asked for alone
  for (const Wish& wish : wishes_) {
    const bool left_out =
        wish.owes_first && wish.channel == request.channel && wish.parameter == request.parameter;
    if (!left_out) continue;
    violate(Invariant::request_pace, now,
            fmt::format("{} is not asked for together with the others", wish.symbol));
  }
}

void AskingObserver::on_given_back(Wish& wish, const SeenRequest& request) {
  if (!wish.asked) {
    violate(Invariant::subscription_order, request.at,
            fmt::format("{} is given back, and was not asked for", wish.symbol));
  } else if (!wish.asked_parameters.contains(request.parameter)) {
    violate(Invariant::subscription_order, request.at,
            fmt::format("{} is given back in a depth that it was not asked in", wish.symbol));
  }
  const bool settled = wish.told && (wish.live || wish.channel != Channel::book);
  if (settled && wish.wanted && !wish.disturbed && !wish.answered) {
    violate(Invariant::repair_order, request.at,
            fmt::format("{} is given back, and it is well", wish.symbol));
  }
  if (!wish.given_back) wish.given_back_at = request.at;
  wish.given_back = true;
  wish.given_back_id = request.req_id;
  wish.owes_first = false;
  wish.due.reset();
}

void AskingObserver::end_turn(const WireView& wire, Instant now, bool has_room) {
  read_rate_errors(wire, now, connected_);  // behind an upgrade that is refused nobody reads
  has_room = has_room && !overrun_;
  overrun_ = false;
  if (!connected_ || closing_) return;
  const bool may_ask = pace_.is_overdue(now);
  // Of deadlines that a leap of the clock went over, each wish has met one.
  const bool leapt = now - turned_at_ > restore_timeout_ + Duration::seconds(1);
  turned_at_ = now;
  if (!has_room || leapt) no_time_at_ = now;
  for (Wish& wish : wishes_) {
    if (!names_symbols(wish.channel)) continue;
    const bool has_stood_still = wish.live && wish.updates != 0 && !lossy_;
    wish.updates = 0;
    if (!has_room) {
      // One whose try waits for slots takes no answer: it is asked for again when it has them.
      wish.owes_subscribed = false;
      continue;
    }
    if (has_stood_still) stood_still_ = wish.symbol;
    if (wish.owes_subscribed) {
      violate(Invariant::subscription_order, now,
              fmt::format("{} is acknowledged, and Subscribed is not said", wish.symbol));
    }
    if (owes_doubt_too_long(wish, now)) {
      violate(Invariant::doubt, now,
              fmt::format("{} is in doubt, and Rejected is not said", wish.symbol));
    }
    if (is_mute_for_long(wish, now)) {
      violate(Invariant::doubt, now,
              fmt::format("{} was not answered for long, and Rejected is not said", wish.symbol));
    }
    if (may_ask && wish.due && *wish.due + timer_slack < now) {
      violate(Invariant::request_pace, now,
              fmt::format("{} is to be asked for or given back, and nothing leaves", wish.symbol));
    }
  }
}

// At once, or in the next turn where others took slots in this one; but one of many may wait for
// slots until those before it have had their answers.
bool AskingObserver::owes_doubt_too_long(Wish& wish, Instant now) const {
  const bool to_tell = wish.in_doubt || wish.bad_snapshots == bad_snapshots_max;
  if (!wish.wanted || !to_tell || wish.doubt_told || wish.doubt_unknown) {
    wish.owes_doubt_since.reset();
    return false;
  }
  if (!wish.owes_doubt_since) wish.owes_doubt_since = now;
  constexpr size_t few = 4;
  if (wishes_.size() <= few) return now > *wish.owes_doubt_since;
  return now - *wish.owes_doubt_since > restore_timeout_ * tries_max + wait_max;
}

// Three tries, at the slowest pace, are over.
bool AskingObserver::is_mute_for_long(const Wish& wish, Instant now) const {
  if (!wish.wanted || wish.in_doubt || wish.refused || wish.doubt_unknown) return false;
  if (wish.told && (wish.live || wish.channel != Channel::book)) return false;
  const Duration pace = Duration::seconds(4) * static_cast<int64_t>(4 * wishes_.size() + 4);
  return now - std::max(wish.cycle_began, no_time_at_) >
         restore_timeout_ * tries_max + wait_max + pace;
}

bool AskingObserver::any_in_doubt() const {
  return std::ranges::any_of(wishes_,
                             [](const Wish& wish) { return wish.wanted && wish.in_doubt; });
}

}  // namespace havklo::replay
