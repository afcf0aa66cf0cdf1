// toml++ is no JSON reader and simdjson belongs to engine/kraken: requests are few and small, so a
// recursive descent over RFC 8259 is enough here.
#include "replay/venue/request.hpp"

#include <charconv>
#include <cstddef>

#include "kraken/channels.hpp"

namespace havklo::replay {
namespace {

constexpr int nesting_max = 16;

// Reads values one after another; once something is wrong, everything is.
class Json {
 public:
  explicit Json(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() {
    skip_space();
    return rest_.empty();
  }

  // Calls `member(name)` for each member; it must read the value.
  template <class Member>
  void object(Member&& member) {
    each('{', '}', [&] {
      const std::string name = string();
      expect(':');
      if (good_) member(name);
    });
  }
  template <class Element>
  void array(Element&& element) {
    each('[', ']', element);
  }
  [[nodiscard]] char peek() {
    skip_space();
    return rest_.empty() ? '\0' : rest_.front();
  }
  std::string string() {
    std::string text;
    if (!expect('"')) return text;
    while (good_) {
      if (rest_.empty()) return fail(), text;
      const char c = take();
      if (c == '"') return text;
      if (static_cast<unsigned char>(c) < 0x20) return fail(), text;
      text += c == '\\' ? escape() : c;
    }
    return text;
  }
  std::optional<int64_t> integer() {
    const std::string_view text = scalar();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
  std::optional<bool> boolean() {
    const std::string_view text = scalar();
    if (text != "true" && text != "false") return std::nullopt;
    return text == "true";
  }
  void skip() {
    switch (peek()) {
      case '{':
        return object([this](const std::string&) { skip(); });
      case '[':
        return array([this] { skip(); });
      case '"':
        string();
        return;
      default:
        if (scalar().empty()) fail();
    }
  }

 private:
  void fail() { good_ = false; }
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void skip_space() {
    while (!rest_.empty() &&
           std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
  }
  bool expect(char wanted) {
    if (peek() != wanted) good_ = false;
    if (good_) rest_.remove_prefix(1);
    return good_;
  }
  template <class One>
  void each(char open, char close, One&& one) {
    if (++depth_ > nesting_max) good_ = false;
    expect(open);
    if (good_ && peek() == close) {
      expect(close);
    } else {
      while (good_) {
        one();
        if (!good_) break;
        if (peek() != ',') {
          expect(close);
          break;
        }
        expect(',');
      }
    }
    --depth_;
  }
  // A number, true, false or null: up to what ends it.
  std::string_view scalar() {
    skip_space();
    const size_t end = rest_.find_first_of(",]} \t\r\n");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(text.size());
    return text;
  }
  // What stands behind a backslash; beyond Latin text it is not needed, and becomes '?'.
  char escape() {
    if (rest_.empty()) return fail(), '?';
    const char c = take();
    switch (c) {
      case '"':
      case '\\':
      case '/':
        return c;
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'u': {
        unsigned code = 0;
        const std::string_view digits = rest_.substr(0, 4);
        const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != 4 || result.ptr != digits.data() + 4) return fail(), '?';
        rest_.remove_prefix(4);
        return code < 0x80 ? static_cast<char>(code) : '?';
      }
      case 'b':
      case 'f':
      case 'r':
        return ' ';
      default:
        return fail(), '?';
    }
  }

  std::string_view rest_;
  bool good_ = true;
  int depth_ = 0;
};

void read_params(Json& json, VenueRequest& request) {
  json.object([&](const std::string& name) {
    if (name == "channel" && json.peek() == '"') {
      request.channel = json.string();
    } else if (name == "symbol" && json.peek() == '[') {
      json.array([&] { request.symbols.push_back(json.string()); });
    } else if (name == "snapshot") {
      request.snapshot = json.boolean();
    } else if (name == "event_trigger" && json.peek() == '"') {
      request.event_trigger = json.string();
    } else if (const char first = json.peek(); first == '-' || (first >= '0' && first <= '9')) {
      if (const auto number = json.integer()) request.numbers[name] = *number;
    } else {
      json.skip();
    }
  });
}

}  // namespace

std::vector<std::string> symbols_asked(const VenueRequest& request) {
  const auto channel = channel_named(request.channel);
  if (!channel) return {};
  if (!kraken::facts_of(*channel).names_symbols) return {""};
  return request.symbols;
}

int64_t parameter_in(const VenueRequest& request, Channel channel) {
  const kraken::Parameter& parameter = kraken::facts_of(channel).parameter;
  if (parameter.name.empty()) return 0;
  const auto said = request.numbers.find(std::string(parameter.name));
  return said != request.numbers.end() ? said->second : SubscriptionSettings{}.*parameter.setting;
}

VenueRequest parse_request(std::string_view text) {
  VenueRequest request;
  Json json(text);
  json.object([&](const std::string& name) {
    if (name == "method" && json.peek() == '"') {
      request.method = json.string();
    } else if (name == "req_id") {
      request.req_id = json.integer();
    } else if (name == "params" && json.peek() == '{') {
      request.has_params = true;
      read_params(json, request);
    } else {
      json.skip();
    }
  });
  request.well_formed = json.good() && json.at_end() && !request.method.empty();
  return request;
}

}  // namespace havklo::replay
