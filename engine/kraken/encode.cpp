// Requests, character by character.
#include "kraken/encode.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "kraken/channels.hpp"

namespace havklo::kraken {
namespace {

class Writer {
 public:
  explicit Writer(std::span<char> buffer) : buffer_(buffer) {}

  void text(std::string_view text) {
    if (text.size() > buffer_.size() - used_) {
      overflow_ = true;
      return;
    }
    std::memcpy(buffer_.data() + used_, text.data(), text.size());
    used_ += text.size();
  }
  void number(uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
    text({digits.data(), static_cast<size_t>(end - digits.data())});
  }
  // A JSON string (RFC 8259 §7).
  void quoted(std::string_view value) {
    static constexpr std::string_view hex = "0123456789abcdef";
    text("\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        const std::array<char, 2> escaped = {'\\', c};
        text({escaped.data(), escaped.size()});
      } else if (static_cast<unsigned char>(c) < 0x20) {
        const std::array<char, 6> escaped = {'\\',
                                             'u',
                                             '0',
                                             '0',
                                             hex[static_cast<size_t>(c >> 4)],
                                             hex[static_cast<size_t>(c & 15)]};
        text({escaped.data(), escaped.size()});
      } else {
        text({&c, 1});
      }
    }
    text("\"");
  }
  [[nodiscard]] std::string_view result() const {
    return overflow_ ? std::string_view{} : std::string_view{buffer_.data(), used_};
  }

 private:
  std::span<char> buffer_;
  size_t used_ = 0;
  bool overflow_ = false;
};

std::string_view encode(std::string_view method, bool with_snapshot,
                        const SubscriptionRequest& request, std::span<char> buffer) {
  const ChannelFacts& facts = facts_of(request.channel);
  Writer out(buffer);
  out.text(R"({"method":")");
  out.text(method);
  out.text(R"(","params":{"channel":")");
  out.text(facts.name);
  out.text("\"");
  if (facts.names_symbols) {
    out.text(R"(,"symbol":[)");
    for (size_t i = 0; i < request.symbols.size(); ++i) {
      if (i != 0) out.text(",");
      out.quoted(request.symbols[i]);
    }
    out.text("]");
  }
  if (!facts.parameter.name.empty()) {
    out.text(",");
    out.quoted(facts.parameter.name);
    out.text(":");
    out.number(request.parameter);
  }
  if (with_snapshot) out.text(request.snapshot ? R"(,"snapshot":true)" : R"(,"snapshot":false)");
  out.text(R"(},"req_id":)");
  out.number(request.req_id);
  out.text("}");
  return out.result();
}

}  // namespace

std::string_view encode_subscribe(const SubscriptionRequest& request, std::span<char> buffer) {
  return encode("subscribe", true, request, buffer);
}

std::string_view encode_unsubscribe(const SubscriptionRequest& request, std::span<char> buffer) {
  return encode("unsubscribe", false, request, buffer);
}

std::string_view encode_ping(uint64_t req_id, std::span<char> buffer) {
  Writer out(buffer);
  out.text(R"({"method":"ping","req_id":)");
  out.number(req_id);
  out.text("}");
  return out.result();
}

}  // namespace havklo::kraken
