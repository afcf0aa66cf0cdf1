// Where the decoded rows of a message lie: room for the largest message of each channel.
//
// Owns:    the rows, all allocated by the constructor.
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <tuple>

#include "kraken/channels.hpp"

namespace havklo::kraken {

template <class C>
struct RowRoom {
  std::unique_ptr<typename C::Row[]> rows = std::make_unique<typename C::Row[]>(C::rows_max);
  size_t count = 0;

  [[nodiscard]] std::span<typename C::Row> all() { return {rows.get(), C::rows_max}; }
  [[nodiscard]] std::span<const typename C::Row> used() const { return {rows.get(), count}; }
};

template <class List>
struct RowRoomsOf;
template <class... C>
struct RowRoomsOf<std::tuple<C...>> {
  using type = std::tuple<RowRoom<C>...>;
};
using RowRooms = RowRoomsOf<RowChannels>::type;

}  // namespace havklo::kraken
