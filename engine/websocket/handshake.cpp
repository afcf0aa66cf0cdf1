// The HTTP upgrade that opens a WebSocket.
#include "websocket/handshake.hpp"

#include <algorithm>
#include <havklo/version.hpp>

#include "websocket/accept_key.hpp"
#include "websocket/http_date.hpp"
#include "websocket/http_head.hpp"

namespace havklo::websocket {
namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "HTTP/1.1 503 Service Unavailable"; answers 0 when it is not that. The reason may be missing.
uint16_t status_of(std::string_view line) {
  constexpr std::string_view version = "HTTP/1.";
  if (line.size() < 12 || !line.starts_with(version) || !is_digit(line[7])) return 0;
  if (line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return 0;
  int status = 0;
  for (const char c : line.substr(9, 3)) {
    if (!is_digit(c)) return 0;
    status = status * 10 + (c - '0');
  }
  return status >= 100 ? static_cast<uint16_t>(status) : uint16_t{0};
}

// A field that must be there once.
struct Single {
  std::string_view value;
  int count = 0;
  void take(std::string_view v) {
    if (count++ == 0) value = v;
  }
  [[nodiscard]] bool once() const { return count == 1; }
};

// take(is, value) for each field of a head, is(name) comparing its name; false when a line is none.
template <class Take>
bool read_fields(HeadReader& head, Take take) {
  bool good = true;
  for (std::string_view line = head.line(); !line.empty(); line = head.line()) {
    Field field;
    if (!parse_field(line, field)) {
      good = false;
      continue;
    }
    take([&field](std::string_view name) { return equal_ignoring_case(field.name, name); },
         field.value);
  }
  return good;
}

struct AnswerFields {
  Single upgrade;
  Single accept;
  Single date;
  bool connection_upgrade = false;
  bool extension = false;
  bool subprotocol = false;
  bool malformed = false;
};

AnswerFields read_answer_fields(HeadReader& head) {
  AnswerFields fields;
  fields.malformed = !read_fields(head, [&fields](auto is, std::string_view value) {
    if (is("Upgrade")) fields.upgrade.take(value);
    if (is("Sec-WebSocket-Accept")) fields.accept.take(value);
    if (is("Date")) fields.date.take(value);
    if (is("Connection")) fields.connection_upgrade |= list_names(value, "upgrade");
    if (is("Sec-WebSocket-Extensions")) fields.extension |= !value.empty();
    if (is("Sec-WebSocket-Protocol")) fields.subprotocol |= !value.empty();
  });
  return fields;
}

// Of several the longest: who came too early would be told so again. A date counts from `date`.
std::optional<Duration> longest_retry_after(HeadReader head, std::string_view date) {
  std::optional<Duration> longest;
  static_cast<void>(read_fields(head, [&](auto is, std::string_view value) {
    if (is("Retry-After")) longest = std::max(longest, parse_retry_after(value, date));
  }));
  return longest;
}

Error check_answer(const AnswerFields& fields, std::string_view accept) {
  if (fields.malformed) return Error::http_malformed;
  if (!fields.upgrade.once() || !equal_ignoring_case(fields.upgrade.value, "websocket")) {
    return Error::upgrade_header_wrong;
  }
  if (!fields.connection_upgrade) return Error::connection_header_wrong;
  if (!fields.accept.once() || fields.accept.value != accept) return Error::accept_wrong;
  if (fields.extension) return Error::extension_unasked;
  if (fields.subprotocol) return Error::subprotocol_unasked;
  return Error::none;
}

struct RequestFields {
  Single host;
  Single key;
  Single version;
  bool upgrade = false;
  bool connection_upgrade = false;
  bool malformed = false;
};

RequestFields read_request_fields(HeadReader& head) {
  RequestFields fields;
  fields.malformed = !read_fields(head, [&fields](auto is, std::string_view value) {
    if (is("Host")) fields.host.take(value);
    if (is("Sec-WebSocket-Key")) fields.key.take(value);
    if (is("Sec-WebSocket-Version")) fields.version.take(value);
    if (is("Upgrade")) fields.upgrade |= list_names(value, "websocket");
    if (is("Connection")) fields.connection_upgrade |= list_names(value, "upgrade");
  });
  return fields;
}

Error check_request(const RequestFields& fields) {
  if (fields.malformed) return Error::http_malformed;
  if (!fields.host.once()) return Error::host_missing;
  if (!fields.upgrade) return Error::upgrade_header_wrong;
  if (!fields.connection_upgrade) return Error::connection_header_wrong;
  if (!fields.version.once() || fields.version.value != "13") {
    return Error::websocket_version_unsupported;
  }
  if (!fields.key.once() || !is_base64_of_16_bytes(fields.key.value)) return Error::key_invalid;
  return Error::none;
}

// "GET /path HTTP/1.1"
Error parse_request_line(std::string_view line, std::string_view& path) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) return Error::http_malformed;
  path = line.substr(first + 1, last - first - 1);
  const bool printable = std::ranges::all_of(path, [](char c) { return c > ' ' && c != '\x7F'; });
  if (!printable || path.empty() || line.substr(last + 1) != "HTTP/1.1") {
    return Error::http_malformed;
  }
  return line.substr(0, first) == "GET" ? Error::none : Error::method_not_get;
}

std::string_view phrase_of(uint16_t status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Refused";
  }
}

}  // namespace

std::array<char, accept_chars> accept_for(std::string_view key) {
  std::string text(key);
  text += guid;
  const std::string encoded = base64(sha1(text));
  std::array<char, accept_chars> accept;
  std::ranges::copy(encoded, accept.begin());
  return accept;
}

std::string client_request(const ClientRequest& request, std::array<char, accept_chars>& accept) {
  const std::string key = base64(request.key);
  accept = accept_for(key);
  const bool bare_ipv6 = request.host.contains(':') && !request.host.starts_with('[');
  std::string text = "GET ";
  text += request.path;
  text += " HTTP/1.1\r\nHost: ";
  if (bare_ipv6) text += '[';
  text += request.host;
  if (bare_ipv6) text += ']';
  if (!request.default_port) text += ':' + std::to_string(request.port);
  text += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key;
  text += "\r\nSec-WebSocket-Version: 13\r\nUser-Agent: havklo/" HAVKLO_VERSION "\r\n\r\n";
  return text;
}

ServerAnswer parse_server_answer(std::string_view head, std::string_view accept) {
  ServerAnswer answer;
  HeadReader reader(head);
  const std::string_view status_line = reader.line();
  answer.http_status = status_of(status_line);
  if (answer.http_status == 0) {
    answer.error = Error::http_malformed;
    return answer;
  }
  if (answer.interim()) return answer;
  const HeadReader behind_status = reader;
  const AnswerFields fields = read_answer_fields(reader);
  if (answer.http_status != 101) {
    // A refusal is a refusal, also when a proxy wrote it badly: fields that cannot be read do not
    // count.
    answer.error = Error::upgrade_refused;
    answer.retry_after = longest_retry_after(behind_status, fields.date.value);
    return answer;
  }
  // HTTP/1.0 knows no upgrade.
  answer.error = status_line[7] == '0' ? Error::http_malformed : check_answer(fields, accept);
  return answer;
}

ClientHello parse_client_request(std::string_view head) {
  ClientHello hello;
  HeadReader reader(head);
  hello.error = parse_request_line(reader.line(), hello.path);
  if (hello.error != Error::none) return hello;
  const RequestFields fields = read_request_fields(reader);
  hello.host = fields.host.value;
  hello.error = check_request(fields);
  if (hello.error == Error::none) hello.accept = accept_for(fields.key.value);
  return hello;
}

std::string server_accepts(std::string_view accept) {
  std::string text =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  text += accept;
  text += "\r\n\r\n";
  return text;
}

std::string server_refuses(uint16_t status, std::string_view extra_header) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + ' ';
  text += phrase_of(status);
  text += "\r\nConnection: close\r\nContent-Length: 0\r\n";
  text += extra_header;
  text += "\r\n";
  return text;
}

std::string server_refuses(Error error) {
  switch (error) {
    case Error::method_not_get:
      return server_refuses(405, "Allow: GET\r\n");
    case Error::websocket_version_unsupported:
      return server_refuses(426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    case Error::http_head_too_big:
      return server_refuses(431, "");
    default:
      return server_refuses(400, "");
  }
}

}  // namespace havklo::websocket
