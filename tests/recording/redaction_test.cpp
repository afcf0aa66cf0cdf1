// No credential lies readable in a recording, and its replay is still identical.
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "core/connection_id.hpp"
#include "replay/recording/header.hpp"
#include "replay/recording/redaction/credentials.hpp"
#include "replay/recording/redaction/redactor.hpp"
#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::Redactor;
using replay::without_credentials;

constexpr ConnectionId first_connection{64};

Redactor redactor_of(std::string_view url) {
  Settings settings;
  settings.url = url;
  return Redactor(std::span(&settings, 1));
}

// What is left of `text` when it arrives in reads of `cut` bytes.
std::string masked(Redactor& redactor, std::string text, size_t cut) {
  for (size_t at = 0; at < text.size(); at += cut) {
    const size_t bytes = std::min(cut, text.size() - at);
    redactor.mask(first_connection, std::as_writable_bytes(std::span(text)).subspan(at, bytes));
  }
  return text;
}

// Of a session with several legs.
ConnectionId leg_connection(uint32_t number, uint32_t leg) {
  return core::connection_id(number, 0, leg, true);
}

std::string masked_on(Redactor& redactor, ConnectionId connection, std::string text) {
  redactor.mask(connection, std::as_writable_bytes(std::span(text)));
  redactor.forget();  // the text goes
  return text;
}

// What the venue said when it refused, as a replay of the recording has it.
std::string rejection_in(const std::string& path) {
  std::string words;
  replay::Player player(replay::Reader::open(path).value());
  static_cast<void>(player.run([&words](const Event& event, const Names& names) {
    if (event.kind == EventKind::rejected) words = names.text(event.payload.subscription.detail);
  }));
  return words;
}

TEST(Redaction, AUrlLosesTheValuesOfItsQuery) {
  EXPECT_EQ(without_credentials("wss://venue.test/v2"), "wss://venue.test/v2");
  EXPECT_EQ(without_credentials("wss://venue.test/v2?token=s3cr3t-t0k3n&v=2"),
            "wss://venue.test/v2?token=redacted&v=redacted");
  EXPECT_EQ(without_credentials("wss://venue.test/?s3cr3t-t0k3n"), "wss://venue.test/?redacted");
  EXPECT_EQ(without_credentials("wss://venue.test/?a=&b=x"), "wss://venue.test/?a=&b=redacted");
  EXPECT_EQ(without_credentials("wss://venue.test/?"), "wss://venue.test/?");
}

TEST(Redaction, AUrlLosesWhatIsNotKnownToBePublicInItsPath) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/", "/"},
      {"/v2", "/v2"},
      {"/public/v2.1/market-data/WebSocket/", "/public/v2.1/market-data/WebSocket/"},
      {"/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1", "/ws/redacted"},
      {"/v2/hunter/stream", "/v2/redacted/stream"},
      {"/stream/a/b/?c=d", "/stream/redacted/redacted/?c=redacted"},
      {"/v2;jsessionid=1234", "/redacted"},
      {"/%76%32", "/redacted"},
      {"/v2019281", "/redacted"},
      {"//ws", "//ws"},
      {"/ws/key/", "/ws/redacted/"},
  };
  for (const auto& [path, shown] : cases) {
    EXPECT_EQ(without_credentials("wss://k3y.venue.test:8443" + path),
              "wss://k3y.venue.test:8443" + shown);
    EXPECT_TRUE(parse_url("wss://venue.test" + shown)) << shown;
  }
}

TEST(Redaction, APartOfThePathIsMaskedWhereAPeerRepeatsIt) {
  Redactor redactor = redactor_of("wss://venue.test/ws/s3cr3t-l1st3n?token=0th3r-t0k3n");
  EXPECT_EQ(masked(redactor, "no s3cr3t-l1st3n, no 0th3r-t0k3n", 3),
            "no xxxxxxxxxxxxx, no yyyyyyyyyyy");
}

// Of "abcdefgh" and "efghijkl" each is masked, though they share bytes.
TEST(Redaction, SecretsThatOverlapAreBothMasked) {
  for (const char* url :
       {"wss://v.test/?a=abcdefgh&b=efghijkl", "wss://v.test/?b=efghijkl&a=abcdefgh"}) {
    Redactor redactor = redactor_of(url);
    const std::string left = masked(redactor, "-abcdefghijkl-", 1);
    EXPECT_EQ(left.find_first_of("abcdefghijkl"), std::string::npos) << left;
  }
}

TEST(Redaction, ASecretIsMaskedHoweverTheReadsAreCut) {
  const std::string text = R"({"error":"bad token s3cr3t-t0k3n","again":"s3cr3t-t0k3n"} s3cr3t-t0)";
  const std::string expected =
      R"({"error":"bad token xxxxxxxxxxxx","again":"xxxxxxxxxxxx"} s3cr3t-t0)";
  for (size_t cut = 1; cut <= text.size(); ++cut) {
    Redactor redactor = redactor_of("wss://venue.test/?token=s3cr3t-t0k3n");
    EXPECT_EQ(masked(redactor, text, cut), expected) << cut;
  }
}

TEST(Redaction, ASecretThatBeginsTwiceIsFound) {
  Redactor redactor = redactor_of("wss://venue.test/?token=aabaabaac");
  EXPECT_EQ(masked(redactor, "aabaabaabaac.", 1), "aabxxxxxxxxx.");
}

TEST(Redaction, AShortValueIsNoSecret) {
  Redactor redactor = redactor_of("wss://venue.test/?v=2");
  EXPECT_FALSE(redactor.looks_back());
  EXPECT_EQ(masked(redactor, "2+2=4", 5), "2+2=4");
}

TEST(Redaction, WhatIsOnItsWayToTheDiskIsNotTouched) {
  Redactor redactor = redactor_of("wss://venue.test/?token=s3cr3t-t0k3n");
  std::string first = "s3cr3t";
  redactor.mask(first_connection, std::as_writable_bytes(std::span(first)));
  redactor.forget();
  std::string second = "-t0k3n";
  redactor.mask(first_connection, std::as_writable_bytes(std::span(second)));
  EXPECT_EQ(first, "s3cr3t");
  EXPECT_EQ(second, "xxxxxx");
}

TEST(Redaction, CookiesOfTheUpgradeAreMasked) {
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "SET-Cookie: __cf_bm=k3y; path=/\r\nX-Set-Cookie: kept\r\n\r\nset-cookie: in a frame\n";
  const std::string expected =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "SET-Cookie: xxxxxxxxxxxx xxxxxx\r\nX-Set-Cookie: kept\r\n\r\nset-cookie: in a frame\n";
  for (size_t cut = 1; cut <= head.size(); ++cut) {
    Redactor redactor = redactor_of("wss://venue.test/");
    redactor.on_opened(first_connection);
    EXPECT_EQ(masked(redactor, head, cut), expected) << cut;
  }
}

// The engine goes on to the head behind a 1xx, and so do we.
TEST(Redaction, CookiesBehindAnInterimAnswerAreMasked) {
  const std::string interim =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nSet-Cookie: ";
  const std::string between = "\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nset-cookie: ";
  const std::string behind = "\r\n\r\nset-cookie: in a frame\n";
  const std::string heads = interim + "a=k3y" + between + "b=k3y" + behind;
  const std::string expected = interim + "xxxxx" + between + "xxxxx" + behind;
  for (size_t cut = 1; cut <= heads.size(); ++cut) {
    Redactor redactor = redactor_of("wss://venue.test/");
    redactor.on_opened(first_connection);
    EXPECT_EQ(masked(redactor, heads, cut), expected) << cut;
  }
}

// Values that a peer says for other reasons: to mask them would change what a replay decides.
TEST(Redaction, WhatTheProtocolItselfSaysIsNoSecret) {
  for (const char* url : {
           "wss://venue.test/v2?transport=websocket",
           "wss://venue.test/v2?transport=WebSocket",
           "wss://venue.test/v2?mode=snapshot&system=maintenance&words=subscribed",
           "wss://venue.test/v2?symbol=DOGE/USD",
           "wss://venue.test/v2?later=SOLAR/USD",
           "wss://venue.test/v2?api=2026-07-07",
           "wss://venue.test/v2?since=07T23:00:03.5&price=4268438660&day=Thursday",
       }) {
    const TemporaryFile file;
    SyncBlockWriter writer;
    Settings settings = book_settings({"DOGE/USD"});
    settings.url = std::string(url) + "&token=s3cr3t-t0k3n";
    auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
    EngineWorld world(settings, recorder.get());
    world.go_live();
    world.update("DOGE/USD");
    world.command(make_command(Command::Kind::subscribe, "SOLAR/USD"));
    world.refuse("subscribe", "Already subscribed", R"(,"symbol":"SOLAR/USD","req_id":2)");
    world.ack("unsubscribe", "SOLAR/USD");
    world.ack("subscribe", "SOLAR/USD");
    world.snapshot("SOLAR/USD");
    world.say(R"({"echo":"s3cr3t-t0k3n"})");
    world.command(make_command(Command::Kind::close));
    world.pass(5_s);
    recorder->finish();
    ASSERT_EQ(recorder->state(), RecorderState::finished);

    EXPECT_TRUE(same_bytes(replayed(file.path()), world.events)) << url;
    const std::string bytes = file.content();
    EXPECT_EQ(bytes.find("s3cr3t-t0k3n"), std::string::npos) << url;
    // SOLAR/USD is a secret, and the first, until it is subscribed.
    const char mask = std::string_view(url).contains("SOLAR") ? 'y' : 'x';
    const std::string echo = R"({"echo":")" + std::string(12, mask) + R"("})";
    EXPECT_NE(bytes.find(echo), std::string::npos) << url;
  }
}

// An answer is read in any case, and a date of HTTP has words.
TEST(Redaction, WhatARefusalSaysOfTimeIsNoSecret) {
  const std::string head =
      "HTTP/1.1 503 Service Unavailable\r\nRETRY-AFTER: Tuesday, 07-Jul-26 23:00:03 GMT\r\n\r\n";
  Redactor redactor = redactor_of("wss://venue.test/?a=Tuesday,&b=07-Jul-26&c=retry-after");
  EXPECT_EQ(masked(redactor, head, head.size()), head);
}

TEST(Redaction, ATokenThatLooksAlmostLikeADateIsMasked) {
  for (const std::string token : {"2026-07-07-secret", "MondayMonday", "4268438660abc",
                                  "e2e4e5-key", "314159265358979323846"}) {
    Redactor redactor = redactor_of("wss://venue.test/?token=" + token);
    EXPECT_EQ(masked(redactor, token, 3), std::string(token.size(), 'x'));
  }
}

// A venue that repeats the credential in the words of a refusal, split over two reads, and sets a
// cookie.
TEST(Redaction, ARecordedSessionReplaysIdenticallyWithoutItsSecret) {
  const std::string secret = "s3cr3t-t0k3n";
  const TemporaryFile file;
  SyncBlockWriter writer;
  Settings settings = book_settings({"BTC/USD", "ETH/USD"});
  settings.url = "wss://venue.test/v2?token=" + secret;
  auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
  EngineWorld world(settings, recorder.get());
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  world.refuse("subscribe", "EAuth: " + secret + " is not known",
               R"(,"symbol":"ETH/USD","req_id":1)");
  world.net.received(world.id(), "\x81\x1e{\"error\":\"again s3cr3t");
  world.turn();
  world.net.received(world.id(), "-t0k3n\"}");
  world.turn();
  world.command(make_command(Command::Kind::close));
  world.pass(5_s);
  recorder->finish();
  ASSERT_EQ(recorder->state(), RecorderState::finished);

  EXPECT_TRUE(same_bytes(replayed(file.path()), world.events));
  const std::string bytes = file.content();
  EXPECT_EQ(bytes.find(secret), std::string::npos);
  EXPECT_EQ(bytes.find("s3cr3t"), std::string::npos);
  EXPECT_EQ(bytes.find("t0k3n"), std::string::npos);
  EXPECT_NE(bytes.find("EAuth: xxxxxxxxxxxx is not known"), std::string::npos);
  EXPECT_NE(bytes.find("?token=redacted"), std::string::npos);
  EXPECT_EQ(rejection_in(file.path()), "EAuth: xxxxxxxxxxxx is not known");
}

std::string text_frame(std::string_view words, uint8_t opcode = 0x81) {
  std::string frame(1, static_cast<char>(opcode));
  if (words.size() < 126) return (frame += static_cast<char>(words.size())).append(words);
  frame += '\x7e';
  frame += static_cast<char>(words.size() >> 8U);
  frame += static_cast<char>(words.size() & 0xFFU);
  return frame.append(words);
}

constexpr std::string_view upgraded = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

std::string masked_frames(std::string_view url, const std::string& frames, size_t cut) {
  Redactor redactor = redactor_of(url);
  redactor.on_opened(first_connection);
  const std::string head(upgraded);
  return masked(redactor, head + frames, cut).substr(head.size());
}

// A message of 24,930 bytes has the length "ab": with it the words begin as the secret does.
TEST(Redaction, WhatFramesAMessageIsNoSecret) {
  const std::string frame = text_frame("cdefghij" + std::string(24'930 - 8, '.'));
  ASSERT_EQ(frame.substr(1, 6), "~abcde");
  for (const char* secret : {"~abcdefgh", "abcdefgh", "bcdefghi"}) {
    for (const size_t cut : {size_t{1}, size_t{7}, frame.size()}) {
      EXPECT_EQ(masked_frames(std::string("wss://v.test/?t=") + secret, frame, cut), frame);
    }
  }
  // A close frame's code is none either; its words are.
  const std::string close = text_frame("\x03\xe8s3cr3t-t0k3n", 0x88);
  EXPECT_EQ(masked_frames("wss://v.test/?t=s3cr3t-t0k3n", close, 1),
            text_frame("\x03\xe8xxxxxxxxxxxx", 0x88));
}

TEST(Redaction, ASecretIsFoundAcrossTheFramesOfOneMessage) {
  const std::string url = "wss://v.test/?t=s3cr3t-t0k3n";
  const auto cut_message = [](std::string_view first, std::string_view second) {
    return text_frame(first, 0x01) + text_frame(second, 0x80);
  };
  for (size_t cut = 1; cut < 8; ++cut) {
    EXPECT_EQ(masked_frames(url, cut_message("a s3cr3", "t-t0k3n b"), cut),
              cut_message("a xxxxx", "xxxxxxx b"));
    // Two messages are two texts.
    const std::string two = text_frame("s3cr3t") + text_frame("-t0k3n");
    EXPECT_EQ(masked_frames(url, two, cut), two);
  }
}

// The engine ends the connection there; what comes behind is not read by anybody.
TEST(Redaction, BehindWhatIsNoFrameTheSecretIsMaskedAsInEveryText) {
  const std::string url = "wss://v.test/?t=s3cr3t-t0k3n";
  EXPECT_EQ(masked_frames(url, "s3cr3t-t0k3n", 5), "xxxxxxxxxxxx");
  EXPECT_EQ(masked_frames(url, text_frame("{}") + "\x81\x85s3cr3t-t0k3n", 5),
            text_frame("{}") + "\x81\x85xxxxxxxxxxxx");
}

// Frames of every length, whose bytes and words a URL repeats in every way: the replay is the same.
TEST(Redaction, NoSecretChangesWhatAReplayDoes) {
  const std::vector<std::string> secrets = {
      "|{\"channel\":\"trade\"",  // of a frame's length and words
      "\"price\":1",              // of JSON's marks and words
      "},{\"symbol\"",
      "supported",
      "delisted",
      "price_increment",
      "interval_begin",
      "ISO4217-",
      "BTC/USD\",\"si",
      "ab12345678",  // of a frame's length and a number
  };
  for (const std::string& secret : secrets) {
    const TemporaryFile file;
    SyncBlockWriter writer;
    Settings settings = book_settings({"BTC/USD"});
    settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD", "X/USD"}});
    settings.subscriptions.push_back({.channel = Channel::ohlc, .symbols = {"BTC/USD"}});
    settings.subscriptions.push_back({.channel = Channel::instrument, .symbols = {"BTC/USD"}});
    settings.url = "wss://venue.test/v2?t=" + secret + "&token=s3cr3t-t0k3n";
    ASSERT_TRUE(parse_url(settings.url)) << secret;
    auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
    EngineWorld world(settings, recorder.get());
    world.turn();
    world.open();
    world.greet();
    world.ack("subscribe", "BTC/USD");
    world.ack("subscribe", "BTC/USD", "trade");
    world.refuse("subscribe", "Currency pair not supported X/USD",
                 R"(,"symbol":"X/USD","req_id":2)");
    world.snapshot("BTC/USD");
    std::string trades = R"({"channel":"trade","type":"update","data":[)"
                         R"({"symbol":"BTC/USD","side":"buy","price":1.0,"qty":2.0,)"
                         R"("ord_type":"market","trade_id":7,)"
                         R"("timestamp":"2026-07-07T23:00:03.501510Z"}],"echo":"s3cr3t-t0k3n",")";
    world.say(trades + std::string(31'867 - trades.size() - 5, '.') + R"(":1})" + " ");
    world.say(R"({"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","open":1.0,)"
              R"("high":1.0,"low":1.0,"close":1.0,"vwap":1.0,"trades":1,"volume":1.0,)"
              R"("interval_begin":"2026-07-07T23:00:00.000000000Z","interval":1,)"
              R"("timestamp":"2026-07-07T23:01:00.000000Z"}]})");
    world.say(R"({"channel":"instrument","type":"update","data":{"assets":[],"pairs":[)"
              R"({"symbol":"BTC/USD","status":"delisted","qty_precision":8,)"
              R"("qty_increment":0.00000001,"price_precision":1,"price_increment":0.1,)"
              R"("qty_min":0.0001}]}})");
    world.net.received(world.id(), text_frame("12345678" + std::string(24'930 - 8, '9')));
    world.turn();
    world.command(make_command(Command::Kind::close));
    world.pass(5_s);
    recorder->finish();
    ASSERT_EQ(recorder->state(), RecorderState::finished);
    ASSERT_GT(std::ranges::count(world.events, EventKind::trade, &Event::kind), 0);
    EXPECT_TRUE(same_bytes(replayed(file.path()), world.events)) << secret;
    EXPECT_EQ(file.content().find("s3cr3t-t0k3n"), std::string::npos) << secret;
  }
}

// The legs of a session read by turns, each in the middle of something: a head, a word.
TEST(Redaction, EachLegHasAStateOfItsOwn) {
  std::vector<Settings> sessions(2);
  sessions[0].url = "wss://venue.test/?token=s3cr3t-t0k3n";
  sessions[0].legs = {{}, {"wss://other.test/?token=0th3r-t0k3n", {}}, {}};
  Redactor redactor{std::span<const Settings>(sessions)};
  const ConnectionId first = leg_connection(1, 0);
  const ConnectionId second = leg_connection(1, 1);
  const ConnectionId third = leg_connection(7, 2);
  const ConnectionId alone = core::connection_id(3, 1, 0, false);

  EXPECT_EQ(masked_on(redactor, first, "s3cr3t-"), "s3cr3t-");
  EXPECT_EQ(masked_on(redactor, second, "t0k3n, 0th3r-"), "t0k3n, 0th3r-");
  EXPECT_EQ(masked_on(redactor, alone, "t0k3n"), "t0k3n");
  EXPECT_EQ(masked_on(redactor, first, "t0k3n"), "xxxxx");
  EXPECT_EQ(masked_on(redactor, third, "t0k3n"), "t0k3n");
  EXPECT_EQ(masked_on(redactor, second, "t0k3n"), "yyyyy");

  redactor.on_opened(second);
  EXPECT_EQ(masked_on(redactor, first, "Set-Cookie: a\r\n\r\n"), "Set-Cookie: a\r\n\r\n");
  EXPECT_EQ(masked_on(redactor, second, "HTTP/1.1 101 x\r\nSet-Cookie: a\r\n\r\n"),
            "HTTP/1.1 101 x\r\nSet-Cookie: x\r\n\r\n");
  EXPECT_EQ(masked_on(redactor, second, "Set-Cookie: a\r\n"), "Set-Cookie: a\r\n");
}

TEST(Redaction, ALegsUrlIsShownWithoutCredentials) {
  Settings settings = book_settings({"BTC/USD"});
  settings.legs = {{}, {"wss://venue.test/v2?token=s3cr3t-t0k3n", "192.0.2.2"}};
  const replay::HeaderText header = replay::header_text(std::span(&settings, 1), 0x5eed, {});
  EXPECT_EQ(header.after.find("s3cr3t-t0k3n"), std::string::npos) << header.after;
  const auto read = replay::parse_header(header.before + "0\n" + header.after, "f");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->settings.legs,
            (std::vector<LegSettings>{{}, {"wss://venue.test/v2?token=redacted", "192.0.2.2"}}));
}

// What the client sends: the request line with the query, and subscriptions. None of it is there.
TEST(Redaction, NothingThatTheClientSendsIsRecorded) {
  const TemporaryFile file;
  RecordedSession session(file.path(), {.url = "wss://venue.test/v2?token=s3cr3t-t0k3n"});
  session.run(3_s);
  session.finish();
  const std::string bytes = file.content();
  EXPECT_EQ(bytes.find("s3cr3t-t0k3n"), std::string::npos);
  EXPECT_EQ(bytes.find("GET /v2"), std::string::npos);
  EXPECT_EQ(bytes.find("Sec-WebSocket-Key"), std::string::npos);
  EXPECT_NE(bytes.find("HTTP/1.1 101"), std::string::npos);  // what it received is
  EXPECT_TRUE(same_bytes(replayed(file.path()), session.events()));
}

}  // namespace
}  // namespace havklo
