// What the venue answers to the legs, and what of that the strategy is told.
#include <algorithm>
#include <bit>

#include "core/legs/legs.hpp"

namespace havklo::core {

LegWish* Legs::find_wish(Channel channel, SymbolId symbol) {
  auto& of_channel = by_symbol_[static_cast<size_t>(channel)];
  const auto at = static_cast<size_t>(symbol);
  return at < of_channel.size() ? of_channel[at].get() : nullptr;
}

void Legs::want(Channel channel, SymbolId symbol, uint16_t parameter) {
  auto& of_channel = by_symbol_[static_cast<size_t>(channel)];
  const auto at = static_cast<size_t>(symbol);
  if (at >= of_channel.size()) of_channel.resize(at + 1);
  of_channel[at] = std::make_unique<LegWish>();
  LegWish& wish = *of_channel[at];
  wish.channel = channel;
  wish.symbol = symbol;
  wish.parameter = parameter;
  const kraken::ChannelFacts& facts = kraken::facts_of(channel);
  if (facts.integrity == kraken::Integrity::checksum) {
    wish.book = std::make_unique<PublishedBook>(parameter);
  } else if (channel == Channel::trade) {
    wish.trades = std::make_unique<MergedTrades>();
  } else {
    wish.row = std::make_unique<LatestRow>();
  }
  wishes_.push_back(&wish);
}

// Each leg hears of it; here it is noted what the strategy is owed.
void Legs::subscribe(const Command& command) {
  const auto symbol = shared_.symbols.intern(command.symbol());
  if (!symbol) return;  // refused by the client before it gets here
  const bool has_parameter = !kraken::facts_of(command.channel).parameter.name.empty();
  const uint16_t parameter = has_parameter ? command.depth : uint16_t{0};
  LegWish* const wish = find_wish(command.channel, *symbol);
  if (wish == nullptr) {
    want(command.channel, *symbol, parameter);
  } else if (!wish->wanted && !wish->ending) {  // a wish of its own: nothing of the old one counts
    wish->wanted = true;
    wish->parameter = parameter;
    wish->answers = {};
    if (wish->trades) *wish->trades = {};
    begin_wish(*wish);
    wish->ended = true;  // a leg may still bring the old one
  } else {
    wish->wanted = true;
    if (wish->parameter != parameter && wish->told == LegWish::Told::subscribed) {
      wish->ending = true;
    }
    wish->parameter = parameter;
    if (!wish->ending && wish->book && wish->book->depth() != parameter) begin_wish(*wish);
    ask_again(*wish);
  }
  for (const auto& leg : legs_) leg->on_command(command, now_);
}

// Legs that were refused for good ask once more, and their answers are told anew.
void Legs::ask_again(LegWish& wish) const {
  for (LegWish::Answer& answer : wish.answers) {
    if (answer != LegWish::Answer::refused) continue;
    answer = LegWish::Answer::none;
    if (wish.told == LegWish::Told::rejected) wish.told = LegWish::Told::nothing;
  }
}

void Legs::unsubscribe(const Command& command) {
  const auto symbol = shared_.symbols.find(command.symbol());
  LegWish* const wish = symbol ? find_wish(command.channel, *symbol) : nullptr;
  if (wish == nullptr || !wish->wanted) return;
  wish->wanted = false;
  wish->ending = true;
  for (const auto& leg : legs_) leg->on_command(command, now_);
}

// The strategy has heard nothing of it in this epoch, nor since its last end.
void Legs::begin_wish(LegWish& wish) const {
  wish.ended = false;
  wish.told = LegWish::Told::nothing;
  wish.owes_answer = false;
  wish.owes_fault = false;
  wish.waits_for_room = false;
  wish.copies_lost_told = 0;
  wish.lag = {};
  if (wish.row) wish.row->begin();
  if (!wish.book) return;
  if (wish.book->depth() == wish.parameter) return wish.book->forget();
  wish.book = std::make_unique<PublishedBook>(wish.parameter);
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    const kraken::Book* const copy = wish.copies[leg].book;
    if (copy == nullptr || copy->depth() != wish.parameter) continue;
    static_cast<void>(wish.book->judge(leg, copy->sum(), wish.copies[leg].time_ns, false));
  }
}

void Legs::publish_wish(uint32_t leg, const LegWish& wish, EventKind kind, TextId detail) {
  Event event = Event::make(kind);
  event.payload.subscription.channel = wish.channel;
  event.payload.subscription.symbol = wish.symbol;
  event.payload.subscription.detail = detail;
  publish(leg, event);
}

void Legs::on_wish(uint32_t leg, const Subscription& record, const Event& event) {
  LegWish& wish = wish_of(record);
  switch (event.kind) {
    case EventKind::subscribed:
      wish.answers[leg] = LegWish::Answer::acknowledged;
      return tell_subscribed(leg, wish);
    case EventKind::rejected:
      wish.answers[leg] = record.in_doubt ? LegWish::Answer::doubted : LegWish::Answer::refused;
      wish.refusal = event.payload.subscription.detail;
      return tell_rejected_if_all(leg, wish);
    case EventKind::unsubscribed:
      wish.answers[leg] = LegWish::Answer::none;
      // While others still have it, the word of one that has no connection ends nothing.
      if (wish.ending && (has(greeted_, leg) || greeted_ == 0)) tell_end(leg, wish);
      return;
    default:
      return tell_fault(leg, wish, event);
  }
}

void Legs::tell_subscribed(uint32_t leg, LegWish& wish) {
  if (wish.told == LegWish::Told::subscribed && !wish.ending) return;
  if (!wish.wanted) return;  // of the old wish, which has ended, or is about to
  if (wish.ending) tell_end(leg, wish);
  wish.ended = false;
  wish.owes_answer = false;
  wish.told = LegWish::Told::subscribed;
  publish_wish(leg, wish, EventKind::subscribed);
  begin_book_again(wish);
}

bool Legs::all_refuse(const LegWish& wish) const {
  if (greeted_ == 0) return false;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    const LegWish::Answer answer = wish.answers[leg];
    const bool refuses = answer == LegWish::Answer::refused || answer == LegWish::Answer::doubted;
    if (has(greeted_, leg) && !refuses) return false;
  }
  return true;
}

void Legs::tell_rejected_if_all(uint32_t leg, LegWish& wish) {
  if (wish.told == LegWish::Told::rejected || wish.ending || !wish.wanted) return;
  if (!all_refuse(wish)) return;
  wish.told = LegWish::Told::rejected;
  wish.owes_answer = false;
  wish.owes_fault = false;
  wish.waits_for_room = false;
  if (wish.book) wish.book->forget();
  publish_wish(leg, wish, EventKind::rejected, wish.refusal);
}

// One that is lost may have been the last to tell; what it has no slot for is told by another.
void Legs::owe_answer(LegWish& wish) {
  wish.owes_answer = answers_wait_ = true;
  wish.ended = true;
}

void Legs::pay_answer(uint32_t payer, LegWish& wish) {
  const bool has_slot = has(greeted_, payer) ? legs_[payer]->has_slot_to_spare()
                                             : legs_[payer]->has_slot_beyond_attempt();
  if (!wish.owes_answer || !has_slot) return;
  wish.owes_answer = false;
  wish.ended = false;
  payer_ = payer;
  const auto acknowledged = std::ranges::find(wish.answers, LegWish::Answer::acknowledged);
  if (acknowledged != wish.answers.end()) {
    tell_subscribed(static_cast<uint32_t>(acknowledged - wish.answers.begin()), wish);
  } else {
    tell_rejected_if_all(static_cast<uint32_t>(std::countr_zero(greeted_)), wish);
  }
  payer_ = nobody;
}

void Legs::resume_answers() {
  answers_wait_ = false;
  for (LegWish* wish : wishes_) {
    for (uint32_t leg = 0; leg < legs_.size() && wish->owes_answer; ++leg) {
      if (has(greeted_, leg)) pay_answer(leg, *wish);
    }
    answers_wait_ = answers_wait_ || wish->owes_answer;
  }
}

// The first word of its end: what other legs still bring is not passed on.
void Legs::tell_end(uint32_t leg, LegWish& wish) {
  for (uint32_t other = 0; other < legs_.size(); ++other) {
    if (other != leg) wish.answers[other] = LegWish::Answer::none;
  }
  if (wish.trades && !wish.trades->holes().empty()) tell_holes_in_slots(leg, wish);
  publish_wish(leg, wish, EventKind::unsubscribed);
  begin_wish(wish);
  wish.ending = false;
  wish.ended = true;
}

// A fault of one copy is the session's only when nobody has another.
void Legs::tell_fault(uint32_t leg, LegWish& wish, const Event& event) {
  if (!wish.book || closing_ || wish.ended) return;
  const bool alone = !wish.book->is_whole() && wish.book->verified() == 0;
  if (wish.owes_fault || alone) {
    wish.owes_fault = false;
    return publish(leg, event);
  }
  if (has(wish.copies_lost_told, leg)) return;
  wish.copies_lost_told |= static_cast<uint8_t>(1U << leg);
  Event lost = event;
  if (event.kind == EventKind::checksum_mismatch) {
    lost.payload.book_fault.fault = BookFault::checksum;
  }
  publish_as(leg, EventKind::leg_book_lost, lost);
}

}  // namespace havklo::core
