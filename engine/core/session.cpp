// From bytes to events, and from decisions to bytes.
#include "core/session.hpp"

#include <algorithm>
#include <array>
#include <havklo/limits.hpp>

#include "core/market_events.hpp"
#include "kraken/encode.hpp"

namespace havklo::core {
namespace {

constexpr uint16_t close_unsupported_data =
    1003;  // RFC 6455 7.4.1: binary where only text is understood
constexpr uint16_t close_invalid_payload = 1007;  // … text that is not what it should be

// A request that names symbols_per_request_max symbols, every character of them escaped.
constexpr size_t request_bytes_max = 256 + symbols_per_request_max * (symbol_bytes_max * 6 + 3);

}  // namespace

Session::Session(const Settings& settings, uint8_t number, const Shared& shared,
                 AttemptPlaces& places, uint64_t seed, const websocket::ChaCha20Key& mask_secret,
                 Leg leg, LegCompany* company)
    : shared_(shared),
      number_(number),
      leg_(leg),
      url_(parse_url(url_of(settings, leg.number)).value()),
      source_address_(source_address_of(settings, leg.number).value_or("")),
      connect_timeout_(settings.timeouts.connect_timeout),
      trade_gaps_(settings.feed.trade_gaps),
      lag_warn_ns_(settings.feed.lag_warn ? settings.feed.lag_warn->ns : no_lag_warn_ns),
      lag_judged_ns_(lag_warn_ns_),
      random_(seed),
      lifecycle_(settings, places, random_, company, leg.number),
      slots_(shared.publisher, company != nullptr ? slot_needs_of_leg : SlotNeeds{}),
      subscriptions_(settings, number, leg, shared.names, shared.symbols, slots_, shared.wheel,
                     shared.scratch),
      mask_keys_(mask_secret, leg.number * sessions_max + number),
      websocket_(websocket::Role::client, message_bytes_max),
      watchdog_(settings.timeouts.heartbeat_timeout) {
  for (uint8_t kind = 0; kind < timer_kind_count; ++kind) {
    lifecycle_timers_[kind].is_for(TimerOwner::lifecycle, number, leg.number);
    lifecycle_timers_[kind].index = kind;
  }
  watchdog_timer_.is_for(TimerOwner::watchdog, number, leg.number);
  pace_timer_.is_for(TimerOwner::pace, number, leg.number);
  utc_timer_.is_for(TimerOwner::utc_offset, number, leg.number);
}

Session::~Session() {
  for (Timer& timer : lifecycle_timers_) disarm(timer);
  disarm(watchdog_timer_);
  disarm(pace_timer_);
  disarm(utc_timer_);
}

void Session::start(Instant now) {
  now_ = now;
  step({.kind = InputKind::start, .room = slots_.top_up()}, now);
}

void Session::on_command(const Command& command, Instant now) {
  now_ = now;
  if (phase() == Phase::closed) return;
  switch (command.kind) {
    case Command::Kind::subscribe:
      // More symbols than there can be are refused by the client before it gets here.
      static_cast<void>(subscriptions_.subscribe(command.channel, command.symbol(), command.depth));
      return;
    case Command::Kind::unsubscribe:
      subscriptions_.unsubscribe(command.channel, command.symbol());
      return check_restored();
    case Command::Kind::reconnect:
      return step({.kind = InputKind::reconnect_requested, .room = slots_.top_up()}, now);
    case Command::Kind::close:
      return step({.kind = InputKind::close_requested}, now);
  }
}

void Session::on_rare(const Completion& completion) {
  switch (completion.kind) {
    case Completion::Kind::opened:
      peer_ = completion.peer;
      tls_resumed_ = completion.tls_resumed;
      return websocket_.start_client(url_.host, url_.port, url_.is_default_port(), url_.path,
                                     random_, mask_keys_);
    case Completion::Kind::received:
      return on_received(completion.bytes);
    case Completion::Kind::sent:
      return;
    case Completion::Kind::closed:
      return lose({.reason = completion.reason,
                   .os_error = completion.os_error,
                   .certificate = completion.certificate});
  }
}

[[gnu::hot]] void Session::on_received(std::span<const std::byte> bytes) {
  const websocket::Error error = websocket_.receive(bytes, *this);
  if (error != websocket::Error::none && connected()) lose_stream(error);
}

void Session::lose_stream(websocket::Error error) {
  if (websocket::is_upgrade_error(error)) {
    return lose({.reason = Reason::upgrade_refused,
                 .http_status = websocket_.http_status(),
                 .retry_after = websocket_.retry_after()});
  }
  lose_protocol(websocket::close_code_for(error));
}

void Session::lose_protocol(uint16_t close_code) {
  lose({.reason = Reason::protocol_error, .close_code = close_code});
}

bool Session::on_open(const websocket::UpgradeResult&) {
  step({.kind = InputKind::upgraded}, now_);
  return connected();
}

bool Session::on_close(uint16_t code, std::string_view) {
  lose({.reason = Reason::server_closed, .close_code = code});
  return connected();
}

bool Session::on_binary(std::span<const std::byte>) {
  lose_protocol(close_unsupported_data);
  return connected();
}

bool Session::on_ping(std::span<const std::byte>) { return true; }

bool Session::on_pong(std::span<const std::byte>) {
  watchdog_.heard(now_);
  return true;
}

[[gnu::hot]] bool Session::on_text(std::string_view text) {
  if (phase() == Phase::closing) return true;
  counts_.messages.add_one();
  reached(MessagePhase::frame);
  name_ = nullptr;
  const auto kind = shared_.decoder.decode(text, this);
  reached(MessagePhase::decode);
  if (!kind) {
    lose_protocol(close_invalid_payload);
    return connected();
  }
  watchdog_.heard(now_);
  if (*kind == kraken::MessageKind::pong) return true;  // proves the socket, not the feed
  watchdog_.fed(now_);
  if (*kind == kraken::MessageKind::book) [[likely]] {
    take_books();
  } else {
    take_other(*kind);
  }
  reached(MessagePhase::publish);
  return connected();
}

void Session::take_books() {
  if (!is_greeted()) return;
  for (const kraken::BookMessage& message : shared_.decoder.books()) on_book(message);
}

void Session::take_other(kraken::MessageKind kind) {
  if (kind == kraken::MessageKind::status) return on_status(shared_.decoder.status());
  if (!is_greeted()) return;
  switch (kind) {
    case kraken::MessageKind::book_in_part:
      for (const kraken::BookMessage& book : shared_.decoder.books()) take_book_in_part(book);
      return;
    case kraken::MessageKind::rows:
    case kraken::MessageKind::rows_in_part:
      return take_rows(kind == kraken::MessageKind::rows_in_part);
    case kraken::MessageKind::heartbeat:
      return tell_heartbeat();
    case kraken::MessageKind::ack:
      subscriptions_.on_ack(shared_.decoder.ack(), now_);
      check_restored();
      return arm_watchdog();
    case kraken::MessageKind::bare_error:
      return subscriptions_.on_rate_exceeded(std::nullopt, now_);
    default:
      return;
  }
}

void Session::on_status(const kraken::Status& status) {
  const bool greets = phase() == Phase::greeting;
  Input input{.kind = greets ? InputKind::greeted : InputKind::status_changed};
  input.system = status.system;
  input.connected.connection_id = status.connection_id.value_or(0);
  input.connected.address = peer_.address;
  input.connected.port = peer_.port;
  input.connected.family = peer_.family;
  input.connected.tls_resumed = tls_resumed_ ? 1 : 0;
  const size_t version_chars =
      std::min(status.api_version.size(), input.connected.api_version.size());
  std::copy_n(status.api_version.begin(), version_chars, input.connected.api_version.begin());
  step(input, now_);
  if (!is_greeted()) return;
  if (leg_.sink != nullptr) return leg_.sink->on_status(leg_.number, status.system);
  if (shared_.publisher.begin_market(1, origin())) {
    Event& event = shared_.publisher.next_market(EventKind::status, 0, origin());
    event.payload.status.system = status.system;
  }
}

// With many symbols a book is in no near cache: it comes while its message is read.
[[gnu::hot]] void Session::on_book_named(std::string_view symbol) {
  name_ = symbol.data();
  named_book_ = subscriptions_.find_book(symbol);
  if (named_book_ != nullptr) named_book_->book->prefetch();
}

void Session::on_book(const kraken::BookMessage& message) {
  const bool named = message.symbol.data() == name_;
  Subscription* record = named ? named_book_ : subscriptions_.find_book(message.symbol);
  if (record == nullptr) return;  // not ours, or on its way out
  if (leg_.sink != nullptr) [[unlikely]]
    return on_leg_book(*record, message);
  const kraken::ApplyOutcome outcome = record->book->apply(message);
  if (outcome != kraken::ApplyOutcome::verified) [[unlikely]]
    return on_unverified(*record, message, outcome);
  publish_book(*record, message);
}

void Session::on_leg_book(Subscription& record, const kraken::BookMessage& message) {
  const kraken::ApplyOutcome outcome = record.book->apply_and_sum(message);
  if (outcome != kraken::ApplyOutcome::verified) return on_unverified(record, message, outcome);
  record.is_as_told = true;
  leg_.sink->on_book(leg_.number, record, message);
  if (!record.verified) on_first_verified(record);
}

void Session::on_unverified(Subscription& record, const kraken::BookMessage& message,
                            kraken::ApplyOutcome outcome) {
  if (outcome == kraken::ApplyOutcome::checksum_mismatch) {
    on_wrong_book(record, EventKind::checksum_mismatch, message.checksum);
  } else if (outcome == kraken::ApplyOutcome::crossed) {
    on_wrong_book(record, EventKind::book_invalid, message.checksum);
  }
}

// One that could not be read is bad; the others of the message are as good as any.
void Session::take_book_in_part(const kraken::BookMessage& message) {
  if (message.fault.key.empty()) return on_book(message);
  Subscription* const record = subscriptions_.find_book(message.symbol);
  if (record == nullptr) return;
  Event fault = Event::make(EventKind::book_invalid);
  fault.payload.book_fault.symbol = record->symbol;
  fault.payload.book_fault.fault = BookFault::unreadable;
  subscriptions_.on_book_fault(*record, fault, now_);
  check_restored();
}

void Session::on_wrong_book(Subscription& record, EventKind kind, uint32_t expected) {
  Event fault = Event::make(kind);
  fault.payload.book_fault.symbol = record.symbol;
  if (kind == EventKind::checksum_mismatch) {
    fault.payload.book_fault.expected = expected;
    fault.payload.book_fault.computed = record.book->checksum();
  } else {
    fault.payload.book_fault.fault = BookFault::crossed;
  }
  if (leg_.sink != nullptr) record.is_as_told = record.book->undo();
  subscriptions_.on_book_fault(record, fault, now_);
  check_restored();  // the others need not wait for one that never verifies
}

void Session::publish_book(Subscription& record, const kraken::BookMessage& message) {
  const bool published = publish_book_message(shared_.publisher, origin(), record.symbol, message,
                                              record.book->changes());
  if (!published) return on_lost_change(record);
  if (!record.verified) return on_first_verified(record);
  note_lag(record, message.time.ns, message.is_snapshot);
}

void Session::on_lost_change(Subscription& record) {
  Event stale = Event::make(EventKind::book_stale);
  stale.payload.book_fault.symbol = record.symbol;
  subscriptions_.on_book_fault(record, stale, now_);
}

void Session::on_first_verified(Subscription& record) {
  subscriptions_.on_book_verified(record, now_);
  shared_.publisher.note_news();
  check_restored();
}

void Session::take_rows(bool in_part) {
  kraken::with_row_channel(shared_.decoder.rows_channel(), [&]<class C> {
    if constexpr (C::facts.channel == Channel::trade) {
      take_trades(in_part);
    } else {
      publish_rows<C>(in_part);
    }
  });
}

template <class C>
void Session::publish_rows(bool in_part) {
  for (const typename C::Row& row : shared_.decoder.rows<C>()) {
    const Subscription* const record = subscriptions_.find_row(C::facts.channel, row.symbol);
    if (record == nullptr) continue;
    if (in_part && !row.fault.key.empty()) {
      tell_unreadable(*record, row.fault);
    } else if (leg_.sink != nullptr) {
      leg_.sink->on_row(leg_.number, *record, events_of<C>(record->symbol, row));
    } else {
      publish_row<C>(shared_.publisher, origin(), record->symbol, row, 0);
    }
  }
}

void Session::tell_unreadable(const Subscription& record, const kraken::RowFault& fault) {
  const TextId detail = detail_of(fault, shared_.names);
  if (leg_.sink != nullptr) return leg_.sink->on_unreadable(leg_.number, record, detail);
  publish_unreadable(shared_.publisher, origin(), record.channel, record.symbol, detail);
}

void Session::tell_heartbeat() {
  if (leg_.sink != nullptr) return leg_.sink->on_heartbeat(leg_.number);
  if (shared_.publisher.begin_market(1, origin())) {
    static_cast<void>(shared_.publisher.next_market(EventKind::heartbeat, 0, origin()));
  }
}

void Session::say_restored() {
  step({.kind = InputKind::restored,
        .count = subscriptions_.settled_count(),
        .rejected = subscriptions_.rejected_count()},
       now_);
}

void Session::pump_requests() {
  Request request;
  while (subscriptions_.next_request(now_, request)) {
    std::array<char, request_bytes_max> buffer;
    const bool fills_gaps = request.channel == Channel::trade && trade_gaps_;
    const kraken::SubscriptionRequest wire{
        .channel = request.channel,
        .symbols = request.symbols,
        .parameter = request.parameter,
        .req_id = request.req_id,
        .snapshot = kraken::facts_of(request.channel).snapshot || fills_gaps};
    websocket_.send_text(request.subscribe ? kraken::encode_subscribe(wire, buffer)
                                           : kraken::encode_unsubscribe(wire, buffer));
    shared_.decided = true;
  }
  if (subscriptions_.has_unsent() && !pace_timer_.armed()) {
    arm(pace_timer_, subscriptions_.next_request_at());
  }
}

// What goes on here by itself is told to the engine, which has the turn recorded: slots that are
// taken back it sees.
bool Session::end_busy_turn(Instant now) {
  now_ = now;
  if (phase() == Phase::closed) return false;  // after Closed, nothing: not even what is parked
  if (!slots_.complete()) slots_.top_up();
  if (has_untold_ && is_greeted()) has_untold_ = !tell_gaps() || !tell_lags();
  if (lifecycle_.waits_for_room() && slots_.complete()) {
    shared_.decided = true;
    step({.kind = InputKind::room}, now);
  }
  if (subscriptions_.has_parked()) {
    const uint32_t parked = subscriptions_.parked_count();
    subscriptions_.resume_parked(shared_.publisher.market_room());
    if (subscriptions_.parked_count() != parked) shared_.decided = true;
    check_restored();
  }
  if (is_greeted()) {
    check_restored();
    if (subscriptions_.has_unsent()) pump_requests();
  }
  if (connected()) flush();
  return goes_on();
}

void Session::check_invariants() const {
  lifecycle_.check_invariants();
  subscriptions_.check_invariants();
  for (uint8_t kind = 0; kind < timer_kind_count; ++kind) {
    HAVKLO_ASSERT(lifecycle_timers_[kind].armed() ==
                  (lifecycle_.deadline(TimerKind{kind}) != Instant::never()));
  }
}

}  // namespace havklo::core
