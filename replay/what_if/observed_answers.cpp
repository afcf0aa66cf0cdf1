// What the observed network answers to a request: what the recording saw, in the time that it took.
#include <algorithm>
#include <optional>

#include "kraken/channels.hpp"
#include "replay/venue/messages.hpp"
#include "replay/what_if/observed_transport.hpp"

namespace havklo::replay {
namespace {

// Where the recording has no answer at all to hold on to: those of the venue model.
constexpr Duration answer_delay = Duration::milliseconds(15);
constexpr Duration snapshot_delay = Duration::milliseconds(38);

Channel channel_of(const VenueRequest& request) {
  return channel_named(request.channel).value_or(Channel::book);
}

}  // namespace

void ObservedTransport::on_request(Stream& stream, std::string_view text) {
  const VenueRequest request = parse_request(text);
  if (request.method == "ping") {
    const Duration there_and_back = *stream.like->opened - stream.like->began;
    return schedule(now_ + there_and_back, stream, [this, request](Stream& each) {
      std::string pong;
      append_pong(pong, request.req_id, utc_us());
      say(each, pong);
    });
  }
  for (const std::string& symbol : symbols_asked(request)) on_ask(stream, request, symbol);
}

void ObservedTransport::on_ask(Stream& stream, const VenueRequest& request,
                               const std::string& symbol) {
  ObservedAnswer asked;
  asked.subscribe = request.method == "subscribe";
  asked.channel = channel_of(request);
  asked.symbol = symbol;
  asked.asked = now_;
  const size_t nth = stream.asked[request.method + request.channel + symbol]++;
  const ObservedAnswer* seen = network_.answer(asked, nth, *stream.like);
  if (seen == nullptr) assumptions_.answers.push_back(now_);
  const bool answered = seen != nullptr && seen->kind != ObservedAnswer::Kind::none;
  // Never answered then: not now either, for as long as that was what the recording saw.
  const bool is_mute = seen != nullptr && !answered;
  if (is_mute && (asked.subscribe || was_asked_by(stream, seen))) return;
  const Duration after = answered ? seen->answered - seen->asked : answer_delay;
  schedule(now_ + after, stream,
           [this, request, symbol, seen](Stream& each) { answer(each, request, symbol, seen); });
}

void ObservedTransport::answer(Stream& stream, const VenueRequest& request,
                               const std::string& symbol, const ObservedAnswer* seen) {
  const bool answered = seen != nullptr && seen->kind != ObservedAnswer::Kind::none;
  const bool refused = answered && seen->kind == ObservedAnswer::Kind::refused;
  if (refused && (request.method == "subscribe" || was_asked_by(stream, seen))) {
    return refuse(stream, request, symbol, seen->error, seen->error_names_symbol);
  }
  if (request.method == "subscribe") {
    // What was granted then is granted, whatever came before it.
    if (was_asked_by(stream, seen)) forget(stream, channel_of(request), symbol);
    if (!answered) return subscribe(stream, request, symbol, snapshot_delay);
    // The recorded snapshot itself, which may be a bad one, is among what the stream hears.
    const bool will_hear = seen->snapshot && was_asked_by(stream, seen) && now_ <= *seen->snapshot;
    if (!seen->snapshot || will_hear) return subscribe(stream, request, symbol, std::nullopt);
    return subscribe(stream, request, symbol, *seen->snapshot - seen->answered);
  }
  const Channel channel = channel_of(request);
  const size_t removed = forget(stream, channel, symbol);
  if (removed == 0 && !was_asked_by(stream, seen)) {
    return refuse(stream, request, symbol, "Subscription Not Found", false);
  }
  std::string ack;
  append_ack(ack, {.method = "unsubscribe",
                   .channel = channel,
                   .symbol = symbol,
                   .parameter = static_cast<uint32_t>(parameter_in(request, channel)),
                   .snapshot = std::nullopt,
                   .event_trigger = {},
                   .req_id = request.req_id,
                   .utc_us = utc_us()});
  say(stream, ack);
}

size_t ObservedTransport::forget(Stream& stream, Channel channel, const std::string& symbol) {
  return std::erase_if(stream.subscriptions, [&](const Subscription& each) {
    return each.channel == channel && each.symbol == symbol;
  });
}

void ObservedTransport::subscribe(Stream& stream, const VenueRequest& request,
                                  const std::string& symbol,
                                  std::optional<Duration> snapshot_after) {
  const Channel channel = channel_of(request);
  for (const Subscription& each : stream.subscriptions) {
    if (each.channel == channel && each.symbol == symbol) {
      return refuse(stream, request, symbol, "Already subscribed", false);
    }
  }
  const bool is_book = channel == Channel::book;
  const auto parameter = static_cast<uint32_t>(parameter_in(request, channel));
  stream.subscriptions.push_back(
      {.channel = channel, .symbol = symbol, .parameter = parameter, .live = !is_book});
  std::string ack;
  append_ack(ack, {.method = "subscribe",
                   .channel = channel,
                   .symbol = symbol,
                   .parameter = parameter,
                   .snapshot = request.snapshot.value_or(kraken::facts_of(channel).snapshot),
                   .event_trigger = channel == Channel::ticker ? "trades" : "",
                   .req_id = request.req_id,
                   .utc_us = utc_us()});
  say(stream, ack);
  if (!is_book || !snapshot_after) return;
  schedule(now_ + *snapshot_after, stream,
           [this, symbol](Stream& each) { give_snapshot(each, symbol); });
}

void ObservedTransport::give_snapshot(Stream& stream, const std::string& symbol) {
  const auto index = std::ranges::find(network_.symbols, symbol);
  if (index == network_.symbols.end()) return;
  const auto number = static_cast<uint32_t>(index - network_.symbols.begin());
  for (Subscription& each : stream.subscriptions) {
    if (each.channel != Channel::book || each.symbol != symbol || each.live) continue;
    if (feed_.is_old(number, now_)) assumptions_.feed.push_back(now_);
    const std::string text = feed_.snapshot(number, each.parameter);
    if (text.empty()) return;
    each.live = true;
    say(stream, text);
  }
}

void ObservedTransport::refuse(Stream& stream, const VenueRequest& request,
                               const std::string& symbol, std::string_view error,
                               bool names_symbol) {
  std::string text;
  append_error(text, {.error = error,
                      .method = request.method,
                      .symbol = names_symbol ? std::string_view(symbol) : std::string_view(),
                      .req_id = request.req_id,
                      .utc_us = utc_us()});
  say(stream, text);
}

}  // namespace havklo::replay
