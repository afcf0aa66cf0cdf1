// What the venue answers a client, and the market that it sends it.
#include <fmt/format.h>

#include <algorithm>

#include "kraken/channels.hpp"
#include "replay/venue/connection.hpp"
#include "replay/venue/messages.hpp"
#include "replay/venue/model.hpp"

namespace havklo::replay {

void VenueConnection::answer(std::string_view text, Instant now) {
  if (venue_.faults_.take(FaultKind::silent_acks, age_, now) != nullptr) return;
  const bool exceeded = venue_.faults_.take(FaultKind::rate_exceeded, age_, now) != nullptr;
  if (!within_rate(now) || exceeded) return send(rate_exceeded_text, now);
  const VenueRequest request = parse_request(text);
  if (!request.well_formed) return send_error(request, "Malformed request", {}, now);
  if (request.method == "ping") {
    if (request.has_params) {
      return send_error(request, "Unsupported field: 'params' for the given msg type: ping", {},
                        now);
    }
    std::string pong;
    append_pong(pong, request.req_id, venue_.utc_us(now));
    return send(pong, now);
  }
  if (request.method == "subscribe") return answer_subscribe(request, now);
  if (request.method == "unsubscribe") return answer_unsubscribe(request, now);
  send_error(request, "Unsupported event", {}, now);
}

bool VenueConnection::within_rate(Instant now) {
  const VenueSettings& settings = venue_.settings_;
  if (settings.requests_per_second == 0) return true;
  const int64_t most = int64_t{settings.requests_burst} * request_credit_one;
  // An hour refills any bucket, and keeps the product in range.
  const int64_t idle_ns = std::min((now - request_credit_at_).ns, Duration::seconds(3600).ns);
  request_credit_ = std::min(most, request_credit_ + idle_ns * settings.requests_per_second);
  request_credit_at_ = now;
  if (request_credit_ < request_credit_one) return false;
  request_credit_ -= request_credit_one;
  return true;
}

void VenueConnection::answer_subscribe(const VenueRequest& request, Instant now) {
  const auto channel = channel_named(request.channel);
  const std::vector<std::string> symbols = symbols_asked(request);
  if (symbols.empty()) return send_error(request, "Unsupported event", {}, now);
  const kraken::Parameter& parameter = kraken::facts_of(*channel).parameter;
  const auto value = static_cast<uint32_t>(parameter_in(request, *channel));
  if (!kraken::serves(parameter, value)) {
    const std::string error = fmt::format("Subscription {} not supported", parameter.name);
    return send_error(request, error, {}, now);
  }
  for (const std::string& symbol : symbols) subscribe_one(request, *channel, symbol, now);
}

void VenueConnection::subscribe_one(const VenueRequest& request, Channel channel,
                                    const std::string& symbol, Instant now) {
  if (const Fault* fault =
          venue_.faults_.take(FaultKind::reject_symbol, age_, now, symbol, channel);
      fault != nullptr) {
    const std::string text =
        fault->text.empty() ? "Currency pair not supported " + symbol : fault->text;
    return send_error(request, text, fault->text.empty() ? symbol : std::string(), now);
  }
  const bool names_symbols = kraken::facts_of(channel).names_symbols;
  if (names_symbols && symbol.find('/') == std::string::npos) {
    return send_error(request, "Currency pair not in ISO 4217-A3 format", symbol, now);
  }
  const auto parameter = static_cast<uint32_t>(parameter_in(request, channel));
  const auto index = index_of(channel, symbol);
  if (!index || !venue_.feed_->serves(channel, *index, parameter)) {
    return send_error(request, "Currency pair not supported " + symbol, symbol, now);
  }
  if (find(channel, *index) != nullptr) {
    return send_error(request, "Already subscribed", {}, now);
  }
  const bool snapshot = request.snapshot.value_or(kraken::facts_of(channel).snapshot);
  Subscription subscription{.channel = channel, .symbol = *index, .parameter = parameter};
  subscription.dead =
      venue_.faults_.take(FaultKind::dead_subscription, age_, now, symbol, channel) != nullptr;
  subscription.on_best = request.event_trigger == "bbo";
  subscription.live = !snapshot;
  subscriptions_.push_back(subscription);
  if (age_.subscribed == Instant::never()) age_.subscribed = now;
  if (heartbeat_ == Instant::never()) heartbeat_ = now + venue_.settings_.heartbeat_interval;
  std::string text;
  const bool is_ticker = channel == Channel::ticker;
  append_ack(text, {.method = "subscribe",
                    .channel = channel,
                    .symbol = symbol,
                    .parameter = parameter,
                    .snapshot = snapshot,
                    .event_trigger = is_ticker ? (subscription.on_best ? "bbo" : "trades") : "",
                    .req_id = request.req_id,
                    .utc_us = venue_.utc_us(now)});
  send(text, now);
  if (!snapshot) return;
  schedule({.due = now + venue_.settings_.snapshot_delay,
            .kind = Pending::Kind::snapshot,
            .request = {},
            .channel = channel,
            .symbol = *index});
}

void VenueConnection::answer_unsubscribe(const VenueRequest& request, Instant now) {
  const auto channel = channel_named(request.channel);
  const std::vector<std::string> symbols = symbols_asked(request);
  if (symbols.empty()) return send_error(request, "Unsupported event", {}, now);
  for (const std::string& symbol : symbols) {
    const auto index = index_of(*channel, symbol);
    Subscription* subscription = index ? find(*channel, *index) : nullptr;
    if (subscription == nullptr) {
      send_error(request, "Subscription Not Found", {}, now);
      continue;
    }
    const uint32_t parameter = subscription->parameter;
    if (*channel == Channel::book && cut_) {
      send_held(*index, now);
      cut_->forget(*index);
    }
    subscriptions_.erase(subscriptions_.begin() + (subscription - subscriptions_.data()));
    std::string text;
    append_ack(text, {.method = "unsubscribe",
                      .channel = *channel,
                      .symbol = symbol,
                      .parameter = parameter,
                      .snapshot = std::nullopt,
                      .event_trigger = {},
                      .req_id = request.req_id,
                      .utc_us = venue_.utc_us(now)});
    send(text, now);
  }
  if (subscriptions_.empty()) heartbeat_ = Instant::never();
}

std::optional<uint32_t> VenueConnection::index_of(Channel channel, std::string_view symbol) const {
  if (!kraken::facts_of(channel).names_symbols) return every_symbol;
  return venue_.feed_->find(symbol);
}

void VenueConnection::send_error(const VenueRequest& request, std::string_view error,
                                 std::string_view symbol, Instant now) {
  std::string text;
  append_error(text, {.error = error,
                      .method = request.method,
                      .symbol = symbol,
                      .req_id = request.req_id,
                      .utc_us = venue_.utc_us(now)});
  note("error", error);
  send(text, now);
}

VenueConnection::Subscription* VenueConnection::find(Channel channel, uint32_t symbol) {
  for (Subscription& each : subscriptions_) {
    if (each.channel == channel && each.symbol == symbol) return &each;
  }
  return nullptr;
}

// The market.

void VenueConnection::send_snapshot(Channel channel, uint32_t symbol, Instant now) {
  Subscription* subscription = find(channel, symbol);
  if (subscription == nullptr || subscription->live || subscription->dead) return;
  subscription->live = true;
  std::string text;
  if (channel == Channel::trade && append_short_trades(symbol, text, now)) {
    if (text.empty()) return;
  } else {
    venue_.feed_->append_snapshot(channel, symbol, subscription->parameter, text);
  }
  const Subscription sent = *subscription;
  if (text.empty() || !send_market(sent, text, now)) return;
  if (channel == Channel::book && cut_) {
    cut_->begin(symbol, sent.parameter, venue_.feed_->book(symbol));
  }
}

bool VenueConnection::send_market(const Subscription& subscription, std::string_view text,
                                  Instant now) {
  const bool is_every = subscription.symbol == every_symbol;
  const std::string_view symbol = is_every ? "" : venue_.feed_->symbol(subscription.symbol);
  ActiveFaults& faults = venue_.faults_;
  if (faults.take(FaultKind::silent_data, age_, now, symbol, subscription.channel) != nullptr) {
    if (cut_ && subscription.channel == Channel::book) {
      send_held(subscription.symbol, now);
      cut_->forget(subscription.symbol);
    }
    return false;
  }
  const bool sent = !swallowed(now);  // a connection that ends misses nothing
  if (subscription.channel == Channel::trade) {
    send_trades(symbol, text, now);
    return sent;
  }
  if (subscription.channel != Channel::book) {
    send(text, now);
    return sent;
  }
  if (cut_) {
    send_book_update(subscription, text, now);
    return true;  // or it is taken back
  }
  return send_book(subscription, text, now);
}

bool VenueConnection::send_book(const Subscription& subscription, std::string_view text,
                                Instant now) {
  const std::string_view symbol = venue_.feed_->symbol(subscription.symbol);
  ActiveFaults& faults = venue_.faults_;
  const bool sent = !swallowed(now);
  if (faults.take(FaultKind::bad_checksum, age_, now, symbol, Channel::book) != nullptr) {
    send(with_checksum(text, checksum_in(text).value_or(0) ^ 1U), now);
    return sent;
  }
  send(text, now);
  if (faults.take(FaultKind::crossed_book, age_, now, symbol, Channel::book) != nullptr) {
    send_crossed(subscription, now);
  }
  return sent;
}

// Snapshots are not of what is held back: nothing of theirs is known then.
void VenueConnection::send_book_update(const Subscription& subscription, std::string_view text,
                                       Instant now) {
  const MarketBook& book = venue_.feed_->book(subscription.symbol);
  for (const std::string& each : cut_->add(subscription.symbol, text, book, now)) {
    if (send_book(subscription, each, now)) continue;
    venue_.feed_->take_back(Channel::book, subscription.symbol, subscription.parameter);
    if (cut_) cut_->forget(subscription.symbol);
    return;
  }
}

void VenueConnection::send_held(uint32_t symbol, Instant now) {
  const auto held = cut_->take(symbol);
  const Subscription* const found = find(Channel::book, symbol);
  if (!held || found == nullptr) return;
  const Subscription subscription = *found;
  if (send_book(subscription, *held, now)) return;
  venue_.feed_->take_back(Channel::book, symbol, subscription.parameter);
  if (cut_) cut_->forget(symbol);
}

void VenueConnection::send_held(Instant now) {
  while (cut_) {
    const auto symbol = cut_->due(now);
    if (!symbol) return;
    send_held(*symbol, now);
  }
}

// False: no fault cuts it. Empty: it does not come at all.
bool VenueConnection::append_short_trades(uint32_t symbol, std::string& out, Instant now) {
  const MarketFeed& feed = *venue_.feed_;
  const Fault* fault = venue_.faults_.take(FaultKind::short_trades, age_, now, feed.symbol(symbol));
  if (fault == nullptr) return false;
  const auto all = feed.last_trades(symbol);
  const auto last = all.last(std::min<size_t>(fault->trades, all.size()));
  if (!last.empty()) append_trades(out, feed.symbol(symbol), true, last, feed.book(symbol));
  return true;
}

void VenueConnection::send_trades(std::string_view symbol, std::string_view text, Instant now) {
  ActiveFaults& faults = venue_.faults_;
  if (faults.take(FaultKind::lost_trades, age_, now, symbol) != nullptr) return;
  std::string other;
  if (faults.take(FaultKind::unreadable_trades, age_, now, symbol) != nullptr) {
    text = other = with_unreadable_prices(text);
  }
  send(text, now);
  if (faults.take(FaultKind::doubled_trades, age_, now, symbol) != nullptr) send(text, now);
}

// One bid more, above the best ask; the checksum is that of such a book.
void VenueConnection::send_crossed(const Subscription& subscription, Instant now) {
  const MarketBook& book = venue_.feed_->book(subscription.symbol);
  if (book.size(BookSide::ask) == 0) return;
  const MarketLevel best = book.at(BookSide::ask, 0);
  const MarketLevel bid{.price = best.price + 1, .qty = best.qty};
  std::string text;
  append_book(text, {.symbol = venue_.feed_->symbol(subscription.symbol),
                     .snapshot = false,
                     .bids = {&bid, 1},
                     .asks = {},
                     .price_decimals = book.price_decimals(),
                     .qty_decimals = book.qty_decimals(),
                     .checksum = book.checksum_with_bid(bid),
                     .utc_us = venue_.utc_us(now)});
  send(text, now);
}

}  // namespace havklo::replay
