// The HTTP upgrade: known answers of SHA-1, Base64 and RFC 6455, then a table of heads on each
// side, then the forms of Retry-After.
#include "websocket/handshake.hpp"

#include <gtest/gtest.h>

#include "support/websocket/peer.hpp"
#include "websocket/accept_key.hpp"
#include "websocket/http_date.hpp"

namespace havklo::websocket {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += "0123456789abcdef"[static_cast<size_t>(b >> 4)];
    text += "0123456789abcdef"[static_cast<size_t>(b & std::byte{15})];
  }
  return text;
}

std::string encode_base64(std::string_view text) {
  return base64(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(WebSocketAcceptKey, KnownAnswers) {
  EXPECT_EQ(hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(encode_base64(""), "");
  EXPECT_EQ(encode_base64("f"), "Zg==");
  EXPECT_EQ(encode_base64("fo"), "Zm8=");
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");
  const auto accept = accept_for("dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(std::string_view(accept.data(), accept.size()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketAcceptKey, AKeyIsSixteenBytesOfBase64) {
  EXPECT_TRUE(is_base64_of_16_bytes("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_FALSE(is_base64_of_16_bytes(""));
  EXPECT_FALSE(is_base64_of_16_bytes("dGhlIHNhbXBsZSBub25jZQ="));
  EXPECT_FALSE(is_base64_of_16_bytes("dGhlIHNhbXBsZSBub25jZR=="));  // bits left over
  EXPECT_FALSE(is_base64_of_16_bytes("dGhlIHNhbXBsZSBub25j!Q=="));
}

struct Client {
  Client() { start("ws.kraken.com", 443, true, "/v2"); }
  void start(std::string_view host, uint16_t port, bool default_port, std::string_view path) {
    connection.start_client(host, port, default_port, path, keys.random, keys.masks);
  }
  Error answer(std::string_view head) { return feed(connection, head, recorder); }

  ClientKeys keys{1};
  Connection connection{Role::client, 1000};
  Recorder recorder;
};

TEST(WebSocketHandshake, TheRequestSaysWhatTheRfcAsks) {
  Client client;
  const std::string head = as_string(client.connection.output());
  EXPECT_TRUE(head.starts_with("GET /v2 HTTP/1.1\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(field_of(head, "Host"), "ws.kraken.com");
  EXPECT_EQ(field_of(head, "Upgrade"), "websocket");
  EXPECT_EQ(field_of(head, "Connection"), "Upgrade");
  EXPECT_EQ(field_of(head, "Sec-WebSocket-Version"), "13");
  EXPECT_TRUE(is_base64_of_16_bytes(field_of(head, "Sec-WebSocket-Key")));
  EXPECT_TRUE(field_of(head, "User-Agent").starts_with("havklo/"));
}

TEST(WebSocketHandshake, TheHostHeaderNamesAPortThatIsNotTheDefaultAndBracketsIpv6) {
  ClientKeys keys(1);
  Connection connection(Role::client, 1000);
  connection.start_client("localhost", 8443, false, "/", keys.random, keys.masks);
  EXPECT_EQ(field_of(as_string(connection.output()), "Host"), "localhost:8443");
  connection.start_client("::1", 8443, false, "/", keys.random, keys.masks);
  EXPECT_EQ(field_of(as_string(connection.output()), "Host"), "[::1]:8443");
  connection.start_client("[::1]", 443, true, "/", keys.random, keys.masks);
  EXPECT_EQ(field_of(as_string(connection.output()), "Host"), "[::1]");
}

TEST(WebSocketHandshake, TheKeyComesFromTheSeedAndDiffersEachTime) {
  ClientKeys a(5);
  ClientKeys b(5);
  Connection one(Role::client, 1000);
  Connection two(Role::client, 1000);
  one.start_client("h", 1, false, "/", a.random, a.masks);
  two.start_client("h", 1, false, "/", b.random, b.masks);
  const std::string first = as_string(one.output());
  EXPECT_EQ(first, as_string(two.output()));
  one.start_client("h", 1, false, "/", a.random, a.masks);
  EXPECT_NE(first, as_string(one.output()));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(WebSocketHandshake, AGoodAnswerOpensWhateverItsCaseAndOrder) {
  struct Row {
    std::string_view from, to;
  };
  for (const Row& row :
       {Row{"Upgrade: websocket", "Upgrade: WebSocket"},
        Row{"Connection: Upgrade", "connection: keep-alive,  uPGRADE"},
        Row{"Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"},
        Row{"Sec-WebSocket-Accept: ", "SEC-WEBSOCKET-ACCEPT:\t "},
        Row{"Switching Protocols", "OK then"}, Row{" Switching Protocols", ""},
        Row{" Switching Protocols", " "},
        Row{"Upgrade: w", "Server: cloudflare\r\nX-Empty:\r\nUpgrade: w"},
        Row{"Upgrade: w", "Sec-WebSocket-Protocol:\r\nUpgrade: w"},
        // Folded lines (RFC 9112, 5.2).
        Row{"Upgrade: websocket", "Upgrade:\r\n websocket"},
        Row{"Upgrade: websocket", "Upgrade: websocket\r\n \r\n\t"},
        Row{"Connection: Upgrade", "Connection: keep-alive,\r\n\tupgrade"},
        Row{"Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept:  \r\n\t \r\n  "},
        Row{"Upgrade: w", "X-Long: a\r\n b: c\r\n\t\r\n   d\r\nUpgrade: w"}}) {
    Client client;
    const std::string good = accepting_answer(take_output(client.connection));
    EXPECT_EQ(client.answer(replaced(good, row.from, row.to)), Error::none) << row.to;
    EXPECT_EQ(client.recorder.calls, std::vector<std::string>{"open 101"}) << row.to;
    EXPECT_EQ(client.connection.state(), Connection::State::open);
    EXPECT_EQ(client.connection.http_status(), 101);
  }
}

struct Flaw {
  std::string_view from;
  std::string_view to;
  Error error;
};

std::vector<Flaw> flaws_of_fields() {
  return {
      {"Upgrade: websocket\r\n", "", Error::upgrade_header_wrong},
      {"Upgrade: websocket", "Upgrade: h2c", Error::upgrade_header_wrong},
      {"Upgrade: websocket", "Upgrade: web\r\n socket", Error::upgrade_header_wrong},
      {"Upgrade: websocket", "X: y\r\n Upgrade: websocket", Error::upgrade_header_wrong},
      {"Upgrade: websocket", "Upgrade: websocket, h2c", Error::upgrade_header_wrong},
      {"Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket",
       Error::upgrade_header_wrong},
      {"Connection: Upgrade\r\n", "", Error::connection_header_wrong},
      {"Connection: Upgrade", "Connection: close", Error::connection_header_wrong},
      {"Connection: Upgrade", "Connection: upgraded", Error::connection_header_wrong},
      {"Sec-WebSocket-Accept: ", "X-Accept: ", Error::accept_wrong},
      {"Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x", Error::accept_wrong},
      {"Upgrade: w", "Sec-WebSocket-Accept: x\r\nUpgrade: w", Error::accept_wrong},
      {"Upgrade: w", "Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade: w",
       Error::extension_unasked},
      {"Upgrade: w", "Sec-WebSocket-Protocol: chat\r\nUpgrade: w", Error::subprotocol_unasked},
  };
}

std::vector<Flaw> flaws_of_syntax() {
  static const std::string too_big =
      "X: " + std::string(http_head_bytes_max, 'x') + "\r\nUpgrade: w";
  return {{"HTTP/1.1 101", "HTTP/1.0 101", Error::http_malformed},
          {"HTTP/1.1 101", "HTTP/2 101", Error::http_malformed},
          {"HTTP/1.1 101", "HTTP/1.1  101", Error::http_malformed},
          {"HTTP/1.1 101", "HTTP/1.1 1o1", Error::http_malformed},
          {"HTTP/1.1 101", "HTTP/1.1 1011", Error::http_malformed},
          {"HTTP/1.1 101 ", "HTTP/1.1 10\r\n", Error::http_malformed},
          {"HTTP/1.1 101", "SSH-2.0-x", Error::http_malformed},
          {"HTTP/1.1 101", "\r\nHTTP/1.1 101", Error::http_malformed},
          {"\r\nUpgrade: w", "\r\n folded\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "\tfolded\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "Upgrade : w", Error::http_malformed},
          {"Upgrade: w", ": x\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "no colon\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "X: a\rb\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "X: a\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", "X: \x01\r\nUpgrade: w", Error::http_malformed},
          {"Upgrade: w", too_big, Error::http_head_too_big}};
}

TEST(WebSocketHandshake, EveryFlawOfA101IsRefusedByName) {
  std::vector<Flaw> flaws = flaws_of_fields();
  for (const Flaw& flaw : flaws_of_syntax()) flaws.push_back(flaw);
  for (const Flaw& row : flaws) {
    Client client;
    const std::string good = accepting_answer(take_output(client.connection));
    EXPECT_EQ(client.answer(replaced(good, row.from, row.to)), row.error) << row.to.substr(0, 60);
    EXPECT_TRUE(is_upgrade_error(row.error));
    EXPECT_TRUE(client.recorder.calls.empty());
    client.connection.fail(row.error);
    EXPECT_TRUE(client.connection.output().empty());  // no close frame before it was open
    EXPECT_EQ(client.connection.state(), Connection::State::closed);
    EXPECT_EQ(client.answer("more"), row.error);  // errors are sticky
  }
}

TEST(WebSocketHandshake, AnotherStatusGivesItsNumberAndRetryAfter) {
  struct Row {
    std::string_view head;
    uint16_t status;
    std::optional<Duration> retry_after;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n\r\n", 429,
            Duration::seconds(17)},
           {"HTTP/1.1 503\r\n\r\n", 503, std::nullopt},
           {"HTTP/1.1 503\r\nRetry-After:\r\n 12\r\n\t\r\n\r\n", 503, Duration::seconds(12)},
           {"HTTP/1.0 503 Service Unavailable\r\nretry-after:0\r\n\r\nbody", 503, Duration{}},
           {"HTTP/1.1 200 OK\r\n\r\n", 200, std::nullopt},
           {"HTTP/1.1 301 Moved\r\nLocation: wss://elsewhere\r\n\r\n", 301, std::nullopt},
           {"HTTP/1.1 403 Forbidden\r\nbad line\r\nRetry-After: 3\r\n\r\n", 403,
            Duration::seconds(3)},
           {"HTTP/1.1 503 x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n\r\n",
            503, Duration::seconds(30)},
           {"HTTP/1.1 503 x\r\nRetry-After: soon\r\n\r\n", 503, std::nullopt},
           // Two of them, as a proxy before the venue adds one: the longer.
           {"HTTP/1.1 429 x\r\nRetry-After: 5\r\nRetry-After: 500\r\n\r\n", 429,
            Duration::seconds(500)},
           {"HTTP/1.1 429 x\r\nRetry-After: 500\r\nRetry-After: 5\r\n\r\n", 429,
            Duration::seconds(500)},
           {"HTTP/1.1 429 x\r\nRetry-After: soon\r\nRetry-After: 5\r\n\r\n", 429,
            Duration::seconds(5)},
           {"HTTP/1.1 503 x\r\nRetry-After: 7\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
            503, Duration::seconds(30)}}) {
    Client client;
    EXPECT_EQ(client.answer(row.head), Error::upgrade_refused) << row.head;
    EXPECT_EQ(client.connection.http_status(), row.status);
    EXPECT_EQ(client.connection.retry_after(), row.retry_after) << row.head;
  }
}

TEST(WebSocketHandshake, InterimAnswersAreSkippedWithinTheSameLimit) {
  Client client;
  const std::string good = accepting_answer(take_output(client.connection));
  EXPECT_EQ(
      client.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                    good + frame(0x81, "hi")),
      Error::none);
  EXPECT_EQ(client.recorder.calls, (std::vector<std::string>{"open 101", "text hi"}));

  Client flooded;
  Error error = Error::none;
  size_t sent = 0;
  while (error == Error::none && sent < 100 * http_head_bytes_max) {
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    sent += interim.size();
    error = flooded.answer(interim);
  }
  EXPECT_EQ(error, Error::http_head_too_big);
  EXPECT_LE(sent, http_head_bytes_max + 100);
}

TEST(WebSocketHandshake, BytesThatAreNotHttpAreRefusedWithoutWaitingForALine) {
  Client client;
  EXPECT_EQ(client.answer("\x15\x03\x01"), Error::http_malformed);
}

TEST(WebSocketHandshake, AStartForgetsTheConnectionBefore) {
  Client client;
  EXPECT_EQ(client.answer("HTTP/1.1 429 x\r\nRetry-After: 9\r\n\r\n"), Error::upgrade_refused);
  client.start("h", 1, false, "/");
  EXPECT_EQ(client.connection.http_status(), 0);
  EXPECT_EQ(client.connection.retry_after(), std::nullopt);
  EXPECT_EQ(client.answer(accepting_answer(take_output(client.connection))), Error::none);
  EXPECT_EQ(client.connection.state(), Connection::State::open);
}

struct Server {
  Server() { connection.start_server(); }
  Error request(std::string_view head) { return feed(connection, head, recorder); }

  Connection connection{Role::server, 1000};
  Recorder recorder;
};

TEST(WebSocketServerHandshake, AcceptsTheExampleOfTheRfc) {
  Server server;
  EXPECT_EQ(server.request(plain_request), Error::none);
  EXPECT_EQ(server.recorder.calls, std::vector<std::string>{"open 101"});
  EXPECT_EQ(server.recorder.path, "/v2");
  const std::string answer = as_string(server.connection.output());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(field_of(answer, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketServerHandshake, RefusesBadRequestsWithTheStatusTheyDeserve) {
  struct Row {
    std::string_view from, to;
    Error error;
    std::string_view status;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"GET ", "POST ", Error::method_not_get, "405"},
           {"HTTP/1.1", "HTTP/1.0", Error::http_malformed, "400"},
           {"/v2", "/v 2", Error::http_malformed, "400"},
           {"GET /v2 ", "", Error::http_malformed, "400"},
           {"Host: example\r\n", "", Error::host_missing, "400"},
           {"Host: example", "Host: a\r\nHost: b", Error::host_missing, "400"},
           {"Upgrade: websocket", "Upgrade: h2c", Error::upgrade_header_wrong, "400"},
           {"Connection: Upgrade", "Connection: close", Error::connection_header_wrong, "400"},
           {"Version: 13", "Version: 8", Error::websocket_version_unsupported, "426"},
           {"dGhl", "dGh", Error::key_invalid, "400"},
           {"Upgrade: w", "bad line\r\nUpgrade: w", Error::http_malformed, "400"},
           {"\r\nUpgrade: w", "\nUpgrade: w", Error::http_malformed, "400"}}) {
    Server server;
    EXPECT_EQ(server.request(replaced(std::string(plain_request), row.from, row.to)), row.error)
        << row.to;
    const std::string answer = as_string(server.connection.output());
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 " + std::string(row.status)) << row.to;
    EXPECT_EQ(server.connection.state(), Connection::State::closed);
    EXPECT_TRUE(server.recorder.calls.empty());
  }
  Server server;
  EXPECT_EQ(server.request(std::string(2 * http_head_bytes_max, 'a')), Error::http_head_too_big);
  EXPECT_TRUE(as_string(server.connection.output()).starts_with("HTTP/1.1 431 "));
}

TEST(WebSocketServerHandshake, CanRefuseFromOnOpenAndTheClientReadsWhy) {
  struct Refusing : Recorder {
    Connection* connection = nullptr;
    bool on_open(const UpgradeResult&) {
      connection->refuse_upgrade(429, "Retry-After: 5\r\n");
      return true;
    }
  };
  Connection server(Role::server, 1000);
  server.start_server();
  Refusing refusing;
  refusing.connection = &server;
  Client client;
  EXPECT_EQ(feed(server, take_output(client.connection), refusing), Error::none);
  EXPECT_EQ(server.state(), Connection::State::closed);
  EXPECT_EQ(client.answer(take_output(server)), Error::upgrade_refused);
  EXPECT_EQ(client.connection.http_status(), 429);
  EXPECT_EQ(client.connection.retry_after(), Duration::seconds(5));
}

TEST(WebSocketHttpDate, ReadsAllThreeFormats) {
  constexpr int64_t expected = 784'111'777;
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", 2025), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", 2025), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", 2025), expected);
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", 2025), 0);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT", 2025), 1'709'251'200);
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", 2025), expected + 10 * 86'400);
}

TEST(WebSocketHttpDate, TwoDigitYearsAreNearTheGivenOne) {
  const auto year_2031 = parse_http_date("Thu, 06 Nov 2031 08:49:37 GMT", 2025);
  EXPECT_EQ(parse_http_date("Thursday, 06-Nov-31 08:49:37 GMT", 2025), year_2031);
  const auto year_2101 = parse_http_date("Sun, 06 Nov 2101 08:49:37 GMT", 2025);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-01 08:49:37 GMT", 2099), year_2101);
}

TEST(WebSocketHttpDate, RefusesWhatIsNotADate) {
  for (const std::string_view text :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMTx", "Xun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text, 2025), std::nullopt) << text;
  }
}

TEST(WebSocketRetryAfter, SecondsAndDatesClampedAtBothEnds) {
  constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(parse_retry_after("120", ""), Duration::seconds(120));
  EXPECT_EQ(parse_retry_after("0", ""), Duration{});
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", ""), retry_after_max);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", date), Duration::seconds(10));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:49:47 GMT", date), Duration::seconds(10));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:49:47 1994", date), Duration::seconds(10));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", date), Duration{});
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 9999 08:49:27 GMT", date), retry_after_max);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", ""), std::nullopt);
  for (const std::string_view bad : {"", "-5", "1.5", "5s", "soon"}) {
    EXPECT_EQ(parse_retry_after(bad, date), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace havklo::websocket
