// Both directions of every connection, read as their receivers read them.
#include "replay/what_if/network_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <havklo/limits.hpp>
#include <map>
#include <memory>

#include "kraken/decode.hpp"
#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"
#include "replay/venue/request.hpp"
#include "replay/what_if/down_stream.hpp"
#include "websocket/connection.hpp"

namespace havklo::replay {
namespace {

uint16_t status_in(std::string_view head) {
  uint16_t status = 0;
  const size_t at = head.find(' ');
  if (at != std::string_view::npos) {
    std::from_chars(head.data() + at + 1, head.data() + head.size(), status);
  }
  return status;
}

bool is_silence(Reason reason) {
  return reason == Reason::connect_timeout || reason == Reason::greeting_timeout ||
         reason == Reason::heartbeat_timeout;
}

struct Line {
  explicit Line(size_t of)
      : attempt(of),
        up(std::make_unique<websocket::Connection>(websocket::Role::server, request_bytes_max)) {
    up->start_server();
  }
  size_t attempt;
  std::unique_ptr<websocket::Connection> up;
  DownStream down;
  std::string last_read;
};

class Observer final : public RequestObserver {
 public:
  explicit Observer(ObservedNetwork& into) : network_(into) {}

  void begin_turn(const RecordedTurn& turn);
  void end_turn(std::span<const Event> events);

  void on_open(ConnectionId id, const OpenRequest&) override {
    network_.attempts.push_back(
        {.due = std::min(due_.value_or(now_), now_), .began = now_, .heard = now_});
    due_.reset();
    lines_.emplace(id, Line(network_.attempts.size() - 1));
  }
  void on_send(ConnectionId id, std::span<const std::byte> bytes) override;
  void on_close(ConnectionId id) override {
    const auto found = lines_.find(id);
    if (found == lines_.end()) return;
    attempt_of(found->second).given_up = now_;
    left_.push_back(std::move(found->second));
    lines_.erase(found);
  }

 private:
  struct Up;
  struct Down;

  [[nodiscard]] ObservedAttempt& attempt_of(const Line& line) {
    return network_.attempts[line.attempt];
  }
  void on_completion(const Completion& completion);
  void on_request(const Line& line, std::string_view text);
  void on_message(const Line& line, std::string& text);
  // Whether it answers a request.
  [[nodiscard]] bool on_ack(const Line& line, const kraken::Ack& ack);
  void keep(const Line& line, FeedItem::Kind kind, const std::string& text);
  void on_market(const Line& line, Channel channel, std::string_view symbol, bool snapshot,
                 const std::string& text);
  [[nodiscard]] uint32_t intern(std::string_view symbol);

  ObservedNetwork& network_;
  kraken::Decoder decoder_;
  std::map<ConnectionId, Line> lines_;
  std::vector<Line> left_;  // closed by us in this turn
  // Requests of a connection without an answer: req_id, index into answers.
  std::map<std::pair<size_t, int64_t>, std::vector<size_t>> asked_;
  // … and the books granted on it whose snapshot is still to come.
  std::map<std::pair<size_t, std::string>, std::vector<size_t>> without_snapshot_;
  std::map<std::string, uint32_t, std::less<>> symbol_numbers_;  // into network_.symbols
  std::optional<Instant> due_;                                   // the next attempt
  Instant now_;
};

struct Observer::Up {
  Observer& self;
  const Line& line;
  bool on_open(const websocket::UpgradeResult&) {
    self.attempt_of(line).asked = self.now_;
    return true;
  }
  bool on_text(std::string_view text) {
    self.on_request(line, text);
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
};

struct Observer::Down {
  Observer& self;
  const Line& line;
  void on_head(std::string head) {
    ObservedAttempt& attempt = self.attempt_of(line);
    attempt.answered = self.now_;
    attempt.http_status = status_in(head);
    attempt.answer = std::move(head);
  }
  void on_text(std::string& text) { self.on_message(line, text); }
  void on_close(uint16_t code, std::string reason) {
    ObservedAttempt& attempt = self.attempt_of(line);
    if (attempt.end) return;
    attempt.end = ObservedEnd{.kind = ObservedEnd::Kind::close_frame,
                              .at = self.now_,
                              .code = code,
                              .text = std::move(reason)};
  }
};

void Observer::begin_turn(const RecordedTurn& turn) {
  now_ = turn.now;
  if (turn.utc_offset) network_.utc_offsets.emplace_back(now_, *turn.utc_offset);
  for (const Command& command : turn.commands) network_.commands.emplace_back(now_, command);
  for (auto& [id, line] : lines_) line.last_read = line.down.unfinished();
  for (const Completion& completion : turn.completions) on_completion(completion);
}

void Observer::on_completion(const Completion& completion) {
  const auto found = lines_.find(completion.connection);
  if (found == lines_.end()) return;
  Line& line = found->second;
  ObservedAttempt& attempt = attempt_of(line);
  switch (completion.kind) {
    case Completion::Kind::opened:
      attempt.opened = now_;
      attempt.peer = completion.peer;
      attempt.tls_resumed = completion.tls_resumed;
      break;
    case Completion::Kind::received: {
      line.last_read.append(reinterpret_cast<const char*>(completion.bytes.data()),
                            completion.bytes.size());
      Down sink{*this, line};
      line.down.take(completion.bytes, sink);
      break;
    }
    case Completion::Kind::sent:
      return;
    case Completion::Kind::closed:
      if (completion.reason == Reason::connect_timeout) {
        attempt.given_up = now_;
        attempt.silent = true;
      } else if (!attempt.end) {
        attempt.end = ObservedEnd{.kind = ObservedEnd::Kind::closed,
                                  .at = now_,
                                  .reason = completion.reason,
                                  .certificate = completion.certificate,
                                  .os_error = completion.os_error};
      }
      lines_.erase(found);
      return;
  }
  attempt.heard = now_;
}

void Observer::on_send(ConnectionId id, std::span<const std::byte> bytes) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  std::vector<std::byte> padded(bytes.begin(), bytes.end());
  padded.resize(bytes.size() + receive_padding);
  Up handler{*this, found->second};
  static_cast<void>(found->second.up->receive({padded.data(), bytes.size()}, handler));
  found->second.up->consume_output(found->second.up->output().size());
}

void Observer::on_request(const Line& line, std::string_view text) {
  const VenueRequest request = parse_request(text);
  const bool subscribe = request.method == "subscribe";
  if (!subscribe && request.method != "unsubscribe") return;
  const Channel channel = channel_named(request.channel).value_or(Channel::book);
  for (const std::string& symbol : symbols_asked(request)) {
    asked_[{line.attempt, request.req_id.value_or(0)}].push_back(network_.answers.size());
    network_.answers.push_back({.attempt = line.attempt,
                                .subscribe = subscribe,
                                .channel = channel,
                                .symbol = symbol,
                                .asked = now_});
  }
}

void Observer::on_message(const Line& line, std::string& text) {
  const size_t size = text.size();
  text.resize(size + receive_padding);
  const auto kind = decoder_.decode(std::string_view(text).substr(0, size));
  text.resize(size);
  if (!kind) return;
  ObservedAttempt& attempt = attempt_of(line);
  switch (*kind) {
    case kraken::MessageKind::status:
      if (!attempt.greeted) {
        attempt.greeted = now_;
        attempt.greeting = text;
        return;
      }
      return keep(line, FeedItem::Kind::status, text);
    case kraken::MessageKind::heartbeat:
      return keep(line, FeedItem::Kind::heartbeat, text);
    case kraken::MessageKind::ack:
      if (!on_ack(line, decoder_.ack())) keep(line, FeedItem::Kind::one_connection, text);
      return;
    case kraken::MessageKind::bare_error:
      ++network_.rate_errors;
      return keep(line, FeedItem::Kind::one_connection, text);
    case kraken::MessageKind::book:
    case kraken::MessageKind::book_in_part:
      if (decoder_.books().empty()) return keep(line, FeedItem::Kind::one_connection, text);
      return on_market(line, Channel::book, decoder_.books()[0].symbol,
                       decoder_.books()[0].is_snapshot, text);
    case kraken::MessageKind::rows:
    case kraken::MessageKind::rows_in_part:
      return kraken::with_row_channel(decoder_.rows_channel(), [&]<class C> {
        const auto rows = decoder_.rows<C>();
        if (rows.empty()) return keep(line, FeedItem::Kind::one_connection, text);
        const std::string_view symbol = C::facts.names_symbols ? rows[0].symbol : "";
        on_market(line, C::facts.channel, symbol, false, text);
      });
    case kraken::MessageKind::other:
      return keep(line, FeedItem::Kind::one_connection, text);
    case kraken::MessageKind::pong:
      return;
  }
}

void Observer::keep(const Line& line, FeedItem::Kind kind, const std::string& text) {
  network_.feed.push_back({.at = now_, .kind = kind, .attempt = line.attempt, .text = text});
}

bool Observer::on_ack(const Line& line, const kraken::Ack& ack) {
  const int64_t req_id = static_cast<int64_t>(ack.req_id.value_or(0));
  const auto found = asked_.find({line.attempt, req_id});
  if (found == asked_.end()) return false;
  const bool subscribe = ack.method == kraken::Method::subscribe;
  for (const size_t index : found->second) {
    ObservedAnswer& answer = network_.answers[index];
    if (answer.kind != ObservedAnswer::Kind::none || answer.subscribe != subscribe) continue;
    if (!ack.symbol.empty() && answer.symbol != ack.symbol) continue;
    answer.kind = ack.success ? ObservedAnswer::Kind::good : ObservedAnswer::Kind::refused;
    answer.answered = now_;
    answer.error = ack.error;
    answer.error_names_symbol = !ack.symbol.empty();
    if (ack.success && subscribe && answer.channel == Channel::book) {
      without_snapshot_[{line.attempt, answer.symbol}].push_back(index);
    }
    return true;
  }
  return false;
}

void Observer::on_market(const Line& line, Channel channel, std::string_view symbol, bool snapshot,
                         const std::string& text) {
  network_.feed.push_back({.at = now_,
                           .kind = FeedItem::Kind::market,
                           .channel = channel,
                           .symbol = intern(symbol),
                           .attempt = line.attempt,
                           .snapshot = snapshot,
                           .text = text});
  if (!snapshot) return;
  const auto waiting = without_snapshot_.find({line.attempt, std::string(symbol)});
  if (waiting == without_snapshot_.end() || waiting->second.empty()) return;
  network_.answers[waiting->second.back()].snapshot = now_;
  waiting->second.pop_back();
}

uint32_t Observer::intern(std::string_view symbol) {
  const auto [found, is_new] = symbol_numbers_.try_emplace(
      std::string(symbol), static_cast<uint32_t>(network_.symbols.size()));
  if (is_new) network_.symbols.emplace_back(symbol);
  return found->second;
}

void Observer::end_turn(std::span<const Event> events) {
  Reason loss = Reason::none;
  for (const Event& event : events) {
    if (event.kind == EventKind::connect_failed) loss = event.payload.connect_failed.reason;
    if (event.kind == EventKind::disconnected) loss = event.payload.disconnected.reason;
    if (event.kind == EventKind::reconnecting) {
      due_ = event.time + Duration{event.payload.reconnecting.delay_ns};
    }
    if (event.kind == EventKind::subscriptions_restored && !network_.attempts.empty()) {
      ObservedAttempt& attempt = network_.attempts.back();
      if (!attempt.live) attempt.live = now_;
    }
  }
  for (const Line& line : left_) {
    ObservedAttempt& attempt = attempt_of(line);
    if (attempt.end) continue;
    attempt.silent = is_silence(loss);
    attempt.cut_short = loss == Reason::requested || loss == Reason::none;
    if (loss == Reason::protocol_error) {
      attempt.end =
          ObservedEnd{.kind = ObservedEnd::Kind::bytes, .at = now_, .text = line.last_read};
    }
  }
  left_.clear();
}

}  // namespace

std::expected<ObservedNetwork, std::string> observe_network(Reader reader) {
  if (!reader.header().more_sessions.empty()) {
    return std::unexpected(fmt::format("the recording holds {} sessions: what if is asked of one",
                                       reader.header().sessions().size()));
  }
  if (const size_t legs = reader.header().settings.legs.size(); legs > 1) {
    return std::unexpected(
        fmt::format("the recording is of a session with {} legs: what if is asked of one "
                    "connection, for what the feed of several would have been hangs on how far "
                    "apart they were",
                    legs));
  }
  ObservedNetwork network;
  network.header = reader.header();
  Player player(std::move(reader));
  Observer observer(network);
  player.observe(&observer);
  std::optional<OutageMeter> meter;
  Player::Status status = player.read();
  for (; status == Player::Status::turn; status = player.read()) {
    const Instant due = player.next_deadline();
    network.last_turn = player.turn().now;
    if (due < network.last_turn) network.pauses.push_back({due, network.last_turn});
    if (!meter) {
      network.first_turn = network.last_turn;
      meter.emplace(network.first_turn);
    }
    observer.begin_turn(player.turn());
    ++network.turns;
    status = player.run_turn();
    if (status != Player::Status::turn) break;
    observer.end_turn(player.events());
    for (const Event& event : player.events()) meter->add(event, player.names());
  }
  if (status == Player::Status::differs) {
    return std::unexpected(
        "the recording replays otherwise than it was recorded: " +
        difference_text(*player.result().difference, player.names(), network.first_turn));
  }
  if (!meter) return std::unexpected("the recording has no turn");
  network.torn = player.result().torn;
  network.recorded = meter->finish(network.last_turn);
  for (ObservedAttempt& attempt : network.attempts) {
    if (!attempt.gone()) attempt.cut_short = true;
  }
  network.index_answers();
  return network;
}

}  // namespace havklo::replay
