// The live transport against real sockets on 127.0.0.1: how streams end. transport_test.cpp says in
// which ways, for both.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "support/live_transport_test.hpp"
#include "support/net/open_files.hpp"
#include "support/net/poll_now.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

TEST_P(TransportTest, SaysHowTheStreamEnded) {
  open_and_wait();
  peer_->say("last words");
  peer_->finish();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.text, "last words");
  EXPECT_EQ(seen_.seen.back().reason, Reason::end_of_stream);
}

TEST_P(TransportTest, TellsAResetFromAnEnd) {
  open_and_wait();
  peer_->reset();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::peer_reset);
  EXPECT_EQ(seen_.seen.back().os_error, ECONNRESET);
}

// The kernel tells each reset once, and here it tells the sending side.
TEST_P(TransportTest, AResetThatASendMeetsFirstIsStillAReset) {
  open_and_wait();
  peer_->reset();
  transport_->send(first_id, std::as_bytes(std::span("anyone there?", 13)));
  transport_->flush();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::peer_reset);
  EXPECT_EQ(seen_.seen.back().os_error, ECONNRESET);
}

TEST_P(TransportTest, NothingIsDeliveredAfterClose) {
  open_and_wait();
  peer_->say("too late");
  transport_->close(first_id);
  const size_t before = seen_.seen.size();
  run([&] { return peer_->saw_end; });
  EXPECT_FALSE(peer_->saw_reset);  // though it had not been listened to
  transport_->drain(100_ms);
  EXPECT_EQ(seen_.text, "");
  EXPECT_EQ(seen_.seen.size(), before);
}

TEST_P(TransportTest, WhatWasQueuedIsStillOfferedAtClose) {
  open_and_wait();
  const std::string goodbye = "close 1000";
  transport_->send(first_id, std::as_bytes(std::span(goodbye)));
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  EXPECT_EQ(peer_->received, goodbye);
}

// What was sent before may be unanswered when the stream is closed: in the next turn, say.
TEST_P(TransportTest, WhatWasQueuedBehindASendIsStillOfferedAtClose) {
  open_and_wait();
  transport_->send(first_id, std::as_bytes(std::span("unsubscribe, ", 13)));
  transport_->flush();
  transport_->send(first_id, std::as_bytes(std::span("close 1000", 10)));
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  EXPECT_EQ(peer_->received, "unsubscribe, close 1000");
  EXPECT_EQ(peer_->saw_close_notify, tls());
}

// The peer reads again when we close: what it gets is what was sent, and nothing of it twice.
TEST_P(TransportTest, AtCloseNothingOvertakesWhatTheKernelCouldNotTake) {
  open_and_wait();
  const std::string all = send_until_blocked();
  transport_->close(first_id);
  peer_->reads = true;
  run([&] { return peer_->saw_end; });
  EXPECT_LT(peer_->received.size(), all.size());
  EXPECT_TRUE(all.starts_with(peer_->received));
}

// The send that was blocked is answered when the stream has ended, and its goodbye not been said.
TEST_P(TransportTest, AGoodbyeThatComesSecondGoesOnWhereTheKernelStopped) {
  open_and_wait();
  std::string all = send_until_blocked();
  const std::string more(180'000, '-');  // the end of the stream lets the kernel take a little more
  transport_->send(first_id, std::as_bytes(std::span(more)));
  all += more;
  peer_->finish_writing();
  while (!seen_.closed()) poll_now(*transport_, seen_);
  transport_->flush();  // sends on; the goodbye is for the next turn
  peer_->reads = true;
  for (int round = 0; round < 20; ++round) {
    peer_->step();
    poll_now(*transport_, seen_);
  }
  run([&] { return peer_->saw_end; });
  EXPECT_TRUE(all == peer_->received) << peer_->received.size() << " of " << all.size();
}

// The peer that ended its stream may still listen. What it is told costs what a reconnect has to
// wait for, so it comes second.
TEST_P(TransportTest, AReconnectGoesBeforeTheGoodbyeToAnEndedStream) {
  open_and_wait();
  peer_->finish_writing();
  run([&] { return seen_.closed(); });
  transport_->flush();
  open(ConnectionId{128});
  transport_->flush();
  peer_->step();
  EXPECT_FALSE(peer_->saw_end);
  const auto first = std::move(peer_);
  run([&] {
    first->step();
    return first->saw_end && peer_ != nullptr && peer_->established();
  });
  EXPECT_EQ(seen_.seen.back().kind, Completion::Kind::opened);
}

TEST_P(TransportTest, WithoutAReconnectTheGoodbyeToAnEndedStreamComesAtOnce) {
  open_and_wait();
  peer_->finish_writing();
  run([&] { return seen_.closed(); });
  const Sleep sleep;
  transport_->flush();
  transport_->park(Sleep::at_most);
  EXPECT_TRUE(sleep.was_short());
  run([&] { return peer_->saw_end; });
}

TEST_P(TransportTest, TheLastGoodbyeToAnEndedStreamIsSaidWhenTheLoopStops) {
  open_and_wait();
  peer_->finish_writing();
  run([&] { return seen_.closed(); });
  transport_->drain(100_ms);
  // No turn: it would say what the drain had not. The kernel may take a while under load.
  for (int look = 0; look < 100'000 && !peer_->saw_end; ++look) {
    peer_->step();
    std::this_thread::yield();
  }
  EXPECT_TRUE(peer_->saw_end);
}

TEST_P(TransportTest, APeerThatDoesNotReadEndsTheStreamAndHoldsNobodyUp) {
  open_and_wait();
  peer_->reads = false;
  const std::string part(64 * 1024, 'x');
  for (int i = 0; i < 1000 && !seen_.closed(); ++i) {
    transport_->send(first_id, std::as_bytes(std::span(part)));
    transport_->flush();
    poll_now(*transport_, seen_);
  }
  EXPECT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::peer_reset);
  EXPECT_EQ(seen_.seen.back().os_error, ENOBUFS);
}

// A socket that is closed with bytes unread resets, and a peer that still writes then never reads
// the goodbye.
TEST_P(TransportTest, APeerThatStillTalksIsHeardOutSoThatTheGoodbyeArrives) {
  open_and_wait();
  const std::string part(16'000, 'x');
  constexpr size_t all = 6'000'000;
  size_t said = 0;
  while (said < 1'000'000) {
    const size_t size = peer_->say_some(part);
    if (size == 0) break;  // the kernel has no room for more that nobody reads
    said += size;
  }
  ASSERT_GT(said, 200'000u);
  const size_t before = open_files();
  transport_->send(first_id, std::as_bytes(std::span("close 1002", 10)));
  transport_->close(first_id);
  run([&] {
    if (said < all) said += peer_->say_some(part);
    return said >= all && peer_->saw_end;
  });
  EXPECT_EQ(peer_->received, "close 1002");
  EXPECT_EQ(peer_->saw_close_notify, tls());
  EXPECT_FALSE(peer_->saw_reset);
  // When it has ended as well, nothing is left of it.
  peer_->finish();
  const auto quiet = std::move(peer_);
  run([&] { return open_files() + 2 == before; });
}

// A peer that never ends is left alone after a while; who writes to nobody is told by a reset.
TEST_P(TransportTest, APeerThatSaysNothingIsHeardOutForItsTime) {
  LiveTransportSettings settings = this->settings();
  settings.goodbye.time = Duration::milliseconds(20);
  start(settings);
  open_and_wait();
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  const Sleep sleep;
  transport_->flush();
  transport_->park(Sleep::at_most);  // ends with the patience
  poll_now(*transport_, seen_);
  EXPECT_TRUE(sleep.was_short());
  run([&] {
    static_cast<void>(peer_->say_some("anyone there?"));
    return peer_->saw_reset;
  });
}

TEST_P(TransportTest, APeerThatNeverStopsIsHeardOutForItsBytes) {
  LiveTransportSettings settings = this->settings();
  settings.goodbye = {.time = Duration::seconds(3600), .bytes = 300'000};
  start(settings);
  open_and_wait();
  transport_->close(first_id);
  const std::string part(16'000, 'x');
  size_t said = 0;
  run([&] {
    said += peer_->say_some(part);
    return peer_->saw_reset;
  });
  EXPECT_GT(said, 300'000u);
}

TEST_P(TransportTest, ADrainHearsOutWhoStillTalks) {
  open_and_wait();
  const std::string part(16'000, 'x');
  for (int i = 0; i < 30; ++i) peer_->say_some(part);
  transport_->send(first_id, std::as_bytes(std::span("close 1000", 10)));
  transport_->close(first_id);
  peer_->finish_writing();
  const Sleep sleep;
  transport_->drain(Sleep::at_most);
  EXPECT_TRUE(sleep.was_short());
  transport_->stop_on_this_thread();
  transport_.reset();
  for (int look = 0; look < 100'000 && !peer_->saw_end; ++look) {
    peer_->step();
    std::this_thread::yield();
  }
  EXPECT_EQ(peer_->received, "close 1000");
  EXPECT_FALSE(peer_->saw_reset);
}

TEST_P(TransportTest, ConnectionsComeAndGoWithoutEnd) {
  for (uint32_t round = 1; round <= 50; ++round) {
    SCOPED_TRACE(round);
    const ConnectionId id{round * sessions_max};
    seen_ = {};
    peer_.reset();
    open(id);
    run([&] { return seen_.opened() && peer_ != nullptr && peer_->established(); });
    if (round % 2 == 0) {
      transport_->close(id);
    } else {
      peer_->reset();
      run([&] { return seen_.closed(); });
      transport_->close(id);  // harmless after `closed`
    }
  }
}

}  // namespace
}  // namespace havklo::io
