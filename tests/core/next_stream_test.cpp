// One stream after another: what the last connection was has ended with it.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

Settings one_probe_after_a_loss() {
  Settings settings = book_settings({"BTC/USD"});
  settings.circuit_breaker.failure_threshold = 1;
  settings.circuit_breaker.reset_timeout = 1_s;
  settings.circuit_breaker.half_open_timeout = 300_ms;
  return settings;
}

// A close frame was, for the connection before: its WebSocket still counted as open.
TEST(NextStream, IsSentNothingBeforeItHasOpened) {
  EngineWorld world(one_probe_after_a_loss());
  world.go_live();
  const ConnectionId first = world.id();
  world.fail(Reason::peer_reset);
  world.pass(1_s);  // half-open: the probe never opens
  const ConnectionId probe = world.id();
  ASSERT_NE(probe, first);
  world.pass(300_ms);
  ASSERT_EQ(world.net.closes.back(), probe);
  EXPECT_EQ(world.net.raw(probe), "");
  world.pass(1_s);
  ASSERT_NE(world.id(), probe);
  world.command(make_command(Command::Kind::close));
  EXPECT_EQ(world.net.closes.back(), world.id());
  EXPECT_EQ(world.net.raw(world.id()), "");
}

}  // namespace
}  // namespace havklo
