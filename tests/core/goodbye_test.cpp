// What the venue is told when a connection is given up.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// RFC 6455 7.4.1: who is given up is told so, and need not wait for the end of the stream.
TEST(Goodbye, IsSaidToWhoIsMute) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  world.open();
  const ConnectionId never_greeted = world.id();
  world.pass(5_s);
  EXPECT_EQ(world.net.close_code(never_greeted), 1001);
  world.pass(100_ms);
  world.come_back();
  const ConnectionId silent = world.id();
  ASSERT_NE(silent, never_greeted);
  world.pass(5_s);
  EXPECT_EQ(world.net.close_code(silent), 1001);
}

}  // namespace
}  // namespace havklo
