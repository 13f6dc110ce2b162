// Package nopanic calls every exported function and method of the library with
// zero, nil, half-filled and random arguments. Its test fails when one of them panics.
//
// Nothing lists the functions by hand. [Packages] reads them from the source.
// [Program] writes a program that refers to all of them, which the test builds
// with an overlay, so that no generated file is in the tree. The program hands them
// to [Main], which calls them through reflection:
//
//  1. Arguments are zero values, values filled one level and more, with nil and zero
//     elements in slices and maps, and random mixtures of these. A testing.TB is never nil:
//     functions for tests panic then, as those of the standard library do.
//  2. Methods are called on nil pointers, on zero values and on filled values.
//  3. Results of a call are arguments and receivers of later calls, so that the test
//     reaches types that only a constructor fills.
//  4. Functions that are arguments are nil, or return zero values. Iterators that are
//     results are ranged over.
package nopanic
