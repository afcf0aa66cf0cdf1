// HTTP heads and frames as RFC 9112 and RFC 6455 have them, no more than the model sends.
#include "replay/observer/wire_view.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "replay/venue/request.hpp"

namespace havklo::replay {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

struct Frame {
  uint8_t opcode = 0;
  bool odd = false;  // fragments, reserved bits, a mask where none may be
  uint32_t mask = 0;
  bool masked = false;
  size_t head = 0;
  uint64_t length = 0;
};

// Nothing while the head of the frame is not whole.
std::optional<Frame> frame_at(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto byte = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  Frame frame;
  frame.opcode = byte(0) & 0x0FU;
  frame.odd = (byte(0) & 0xF0U) != 0x80U;
  frame.masked = (byte(1) & 0x80U) != 0;
  frame.length = byte(1) & 0x7FU;
  frame.head = 2;
  const size_t extra = frame.length == 126 ? 2 : frame.length == 127 ? 8 : 0;
  if (bytes.size() < 2 + extra + (frame.masked ? 4 : 0)) return std::nullopt;
  if (extra != 0) {
    frame.length = 0;
    for (size_t i = 0; i < extra; ++i) frame.length = frame.length << 8U | byte(2 + i);
    frame.head += extra;
  }
  if (frame.masked) frame.head += 4;
  return frame;
}

std::string unmasked(std::string_view bytes, const Frame& frame) {
  std::string text(bytes.substr(frame.head, frame.length));
  const std::string_view key = bytes.substr(frame.head - 4, 4);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(text[i] ^ key[i % 4]);
  return text;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The text of a key; nothing where there is none, or no text.
std::string_view text_of(std::string_view key, std::string_view json) {
  for (size_t at = json.find(key); at != std::string_view::npos; at = json.find(key, at + 1)) {
    const std::string_view behind = json.substr(at + key.size());
    if (at == 0 || json[at - 1] != '"' || !behind.starts_with(R"(":")")) continue;
    return behind.substr(3, behind.find('"', 3) - 3);
  }
  return {};
}

// Of a close frame; 1005, which nobody sends: it has none.
uint16_t code_in(std::string_view payload) {
  if (payload.size() < 2) return 1005;
  const auto byte = [payload](size_t at) { return static_cast<uint8_t>(payload[at]); };
  return static_cast<uint16_t>(byte(0) * 256 + byte(1));
}

// Of "Tue, 07 Jul 2026 23:00:03 GMT", the one form in which a date may be written.
std::optional<int64_t> seconds_of_date(std::string_view date) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (date.size() < 29 || date[3] != ',') return std::nullopt;
  const auto number = [date](size_t at, size_t digits) {
    int value = 0;
    std::from_chars(date.data() + at, date.data() + at + digits, value);
    return value;
  };
  const auto month = static_cast<unsigned>(months.find(date.substr(8, 3)) / 3 + 1);
  const std::chrono::year_month_day day(std::chrono::year(number(12, 4)), std::chrono::month(month),
                                        std::chrono::day(static_cast<unsigned>(number(5, 2))));
  if (!day.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return ((days * 24 + number(17, 2)) * 60 + number(20, 2)) * 60 + number(23, 2);
}

std::optional<int64_t> number_of(std::string_view key, std::string_view text) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  int64_t number = 0;
  const char* const digits = text.data() + at + key.size();
  const auto [end, error] = std::from_chars(digits, text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

void WireView::begin(ConnectionId opened, Instant now) {
  const bool keeps = keeps_books;
  *this = WireView{};
  keeps_books = keeps;
  id = opened;
  began = now;
}

void WireView::on_sent(std::span<const std::byte> bytes, Instant now) {
  up_ += as_text(bytes);
  if (!head_sent_) {
    const size_t end = up_.find(head_end);
    if (end == std::string::npos) return;
    head_sent_ = true;
    up_.erase(0, end + head_end.size());
  }
  std::string_view rest = up_;
  for (auto frame = frame_at(rest); frame && rest.size() - frame->head >= frame->length;
       frame = frame_at(rest)) {
    if (frame->odd || !frame->masked) malformed = true;
    if (frame->opcode == 1 && frame->masked) read_request(unmasked(rest, *frame), now);
    if (frame->opcode == 8 && frame->masked && goodbye_code == 0) {
      goodbye_code = code_in(unmasked(rest, *frame));
    }
    rest.remove_prefix(frame->head + frame->length);
  }
  up_.erase(0, up_.size() - rest.size());
}

void WireView::read_request(std::string_view text, Instant now) {
  VenueRequest request = parse_request(text);
  const bool subscribe = request.method == "subscribe";
  if (!subscribe && request.method != "unsubscribe") return;
  const auto channel = channel_named(request.channel);
  if (!channel) return;
  requests.push_back({.at = now,
                      .subscribe = subscribe,
                      .channel = *channel,
                      .symbols = symbols_asked(request),
                      .parameter = static_cast<uint32_t>(parameter_in(request, *channel)),
                      .req_id = request.req_id.value_or(0)});
}

void WireView::on_delivered(const Completion& completion, Instant now) {
  if (completion.kind == Completion::Kind::closed) ended = completion.reason;
  if (completion.kind == Completion::Kind::opened) {
    peer = completion.peer;
    tls_resumed = completion.tls_resumed;
  }
  if (completion.kind != Completion::Kind::received || malformed) return;
  std::string_view bytes = as_text(completion.bytes);
  const bool waiting = !down_.empty() || http_status == 0;
  if (waiting) {
    down_ += bytes;
    if (http_status == 0) read_head();
    if (http_status != 101) return;
    if (upgraded_at == Instant::never()) upgraded_at = now;
    bytes = down_;
  }
  const size_t size = bytes.size();
  read_frames(bytes, now);
  if (waiting) {
    down_.erase(0, size - bytes.size());
  } else {
    down_ = bytes;
  }
}

void WireView::read_head() {
  const size_t end = down_.find(head_end);
  if (end == std::string::npos || down_.size() < 12) return;
  const std::string_view head = std::string_view(down_).substr(0, end + 2);
  std::from_chars(head.data() + 9, head.data() + 12, http_status);
  const auto field = [head](std::string_view name) {
    const size_t at = head.find(name);
    return at == std::string_view::npos ? std::string_view{} : head.substr(at + name.size());
  };
  const bool counts = http_status == 429 || http_status == 503;
  const std::string_view value = counts ? field("\r\nRetry-After: ") : std::string_view{};
  int64_t seconds = 0;
  const auto result = std::from_chars(value.data(), value.data() + value.size(), seconds);
  const auto until = seconds_of_date(value);
  const auto said_at = seconds_of_date(field("\r\nDate: "));
  if (!value.empty() && result.ec == std::errc{}) {
    retry_after = Duration::seconds(seconds);
  } else if (until && said_at) {
    has_retry_date = true;
    retry_after = Duration::seconds(std::max<int64_t>(*until - *said_at, 0));
  }
  down_.erase(0, end + head_end.size());
}

void WireView::read_frames(std::string_view& bytes, Instant now) {
  for (auto frame = frame_at(bytes); frame && bytes.size() - frame->head >= frame->length;
       frame = frame_at(bytes)) {
    if (frame->odd || frame->masked) {
      malformed = true;
      return;
    }
    const std::string_view payload = bytes.substr(frame->head, frame->length);
    if (frame->opcode == 1) read_text(payload, now);
    if (frame->opcode == 10) last_heard_at = now;
    if (frame->opcode == 8) close_code = code_in(payload);
    bytes.remove_prefix(frame->head + frame->length);
  }
}

void WireView::read_text(std::string_view text, Instant now) {
  last_heard_at = now;
  if (text.starts_with(R"({"method":"pong")")) return;
  last_message_at = now;
  ++messages_;
  if (text.starts_with(R"({"channel":"status")")) {
    note_status(text.find(R"("system":"maintenance")") != std::string_view::npos, now);
    greeted_ = true;
  }
  if (text.find(R"("success":true)") != std::string_view::npos) ++acks;
  constexpr std::string_view update = R"({"channel":"book","type":"update","data":[{)";
  constexpr std::string_view trade_update = R"({"channel":"trade","type":"update","data":[{)";
  constexpr std::string_view trade_snapshot = R"({"channel":"trade","type":"snapshot","data":[{)";
  constexpr std::string_view book = R"({"channel":"book","type":)";
  if (keeps_books && text.starts_with(book)) books.emplace_back(text);
  if (text.starts_with(update)) {
    book_updates.emplace_back(text_of("symbol", text));
  } else if (text.starts_with(trade_update)) {
    read_trades(text, false);
  } else if (text.starts_with(trade_snapshot)) {
    read_trades(text, true);
  } else if (greeted_ && text.find("Exceeded msg rate") != std::string_view::npos) {
    ++rate_errors;
  } else if (greeted_ && (text.starts_with(R"({"method":)") || text.starts_with(R"({"error":)"))) {
    read_answer(text);
  }
}

void WireView::read_answer(std::string_view text) {
  const std::string_view method = text_of("method", text);
  if (method != "subscribe" && method != "unsubscribe") return;
  SeenAnswer answer{.subscribe = method == "subscribe",
                    .success = text.find(R"("success":true)") != std::string_view::npos,
                    .channel = std::string(text_of("channel", text)),
                    .symbol = std::string(text_of("symbol", text)),
                    .error = std::string(text_of("error", text)),
                    .req_id = number_of(R"("req_id":)", text),
                    .parameter = number_of(R"("depth":)", text)};
  if (!answer.parameter) answer.parameter = number_of(R"("interval":)", text);
  if (answer.subscribe && answer.success) {
    subscribed.push_back({answer.symbol, answer.req_id.value_or(0)});
  }
  answers.push_back(std::move(answer));
}

// Row by row; of what the market numbers a price of ours has at most 18 digits.
void WireView::read_trades(std::string_view rows, bool of_snapshot) {
  constexpr size_t digits_max = 18;
  constexpr std::string_view begin = R"({"symbol":")";
  for (size_t at = rows.find(begin); at != std::string_view::npos; at = rows.find(begin, at + 1)) {
    const std::string_view row = rows.substr(at, rows.find('}', at) - at);
    const std::string_view price = row.substr(std::min(row.find(R"("price":)") + 8, row.size()));
    trades.push_back({.symbol = std::string(text_of("symbol", row)),
                      .id = static_cast<uint64_t>(number_of(R"("trade_id":)", row).value_or(0)),
                      .message = messages_,
                      .of_snapshot = of_snapshot,
                      .readable = price.find(',') <= digits_max});
  }
}

void WireView::note_status(bool maintenance, Instant now) {
  if (statuses_.at != now) {
    maintenance_before_ = maintenance_now_;
    statuses_ = {.at = now};
  }
  maintenance_now_ = maintenance;
  statuses_.maintenance = statuses_.maintenance || maintenance;
  statuses_.other = statuses_.other || !maintenance;
}

bool WireView::may_say_maintenance(Instant now) const {
  if (statuses_.at != now) return maintenance_now_;
  return maintenance_before_ || statuses_.maintenance;
}

bool WireView::surely_says_maintenance(Instant now) const {
  if (statuses_.at != now) return maintenance_now_;
  return maintenance_before_ && !statuses_.other;
}

}  // namespace havklo::replay
