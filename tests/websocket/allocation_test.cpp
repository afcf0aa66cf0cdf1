// An open connection allocates nothing: every operator new is counted while messages of all kinds
// go both ways.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "support/websocket/peer.hpp"

namespace {
uint64_t allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](size_t bytes) { return operator new(bytes); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace havklo::websocket {
namespace {

struct Counting {
  uint64_t calls = 0;
  bool on_open(const UpgradeResult&) { return ++calls != 0; }
  bool on_text(std::string_view) { return ++calls != 0; }
  bool on_binary(std::span<const std::byte>) { return ++calls != 0; }
  bool on_ping(std::span<const std::byte>) { return ++calls != 0; }
  bool on_pong(std::span<const std::byte>) { return ++calls != 0; }
  bool on_close(uint16_t, std::string_view) { return ++calls != 0; }
};

TEST(WebSocketAllocation, AnOpenConnectionAllocatesNothing) {
  for (const Role role : {Role::client, Role::server}) {
    OpenConnection open(role);
    const bool masked = role == Role::server;
    const std::string euro = "\xE2\x82\xAC";
    const std::string stream = frame(0x81, "whole", masked) + frame(0x01, "a" + euro, masked) +
                               frame(0x89, "ping", masked) + frame(0x80, euro, masked) +
                               frame(0x82, std::string(60'000, 'b'), masked) +
                               frame(0x8A, "", masked) + frame(0x88, close_body(1000), masked);
    std::vector<std::byte> block(stream.size() + receive_padding);
    for (size_t i = 0; i < stream.size(); ++i) block[i] = static_cast<std::byte>(stream[i]);
    const std::string text(5'000, 't');
    Counting counting;
    bool ok = true;

    const uint64_t before = allocations;
    for (int i = 0; i < 15; ++i) ok = ok && open.connection.send_text(text);
    open.connection.consume_output(40'000);
    for (int i = 0; i < 7; ++i) ok = ok && open.connection.send_text(text);
    for (size_t i = 0; i < stream.size(); i += 1'000) {
      const size_t size = std::min<size_t>(1'000, stream.size() - i);
      ok = ok && open.connection.receive({block.data() + i, size}, counting) == Error::none;
    }
    open.connection.fail(Error::invalid_utf8);
    const uint64_t after = allocations;

    EXPECT_TRUE(ok);
    EXPECT_EQ(counting.calls, 6u);
    EXPECT_EQ(after - before, 0u);
  }
  EXPECT_GT(allocations, 0u);  // the counter works
}

}  // namespace
}  // namespace havklo::websocket
