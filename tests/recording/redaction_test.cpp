// No credential lies readable in a recording, and its replay is still identical.
#include <gtest/gtest.h>

#include <string>

#include "replay/recording/redaction/redactor.hpp"
#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::Redactor;
using replay::without_credentials;

constexpr ConnectionId first_connection{64};

// What is left of `text` when it arrives in reads of `cut` bytes.
Redactor redactor_of(std::string_view url) {
  Settings settings;
  settings.url = url;
  return Redactor(std::span(&settings, 1));
}

std::string masked(Redactor& redactor, std::string text, size_t cut) {
  for (size_t at = 0; at < text.size(); at += cut) {
    const size_t bytes = std::min(cut, text.size() - at);
    redactor.mask(first_connection, std::as_writable_bytes(std::span(text)).subspan(at, bytes));
  }
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
    EXPECT_NE(bytes.find(R"({"echo":"xxxxxxxxxxxx"})"), std::string::npos) << url;
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
