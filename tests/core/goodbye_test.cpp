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

// Nobody reads on: only the venue's own close, or time, ends it.
TEST(Goodbye, IsWaitedForWhateverComesMeanwhile) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::close));
  for (const std::string_view frame : {"\x81\x17{\"channel\":\"heartbeat\"}", "\x81\x01{"}) {
    world.net.received(world.id(), frame);
    world.turn();
    EXPECT_EQ(world.take_names(), "");
  }
  world.net.answer(world.id());
  world.turn();
  EXPECT_EQ(world.take_names(), "Disconnected Closed");
}

}  // namespace
}  // namespace havklo
