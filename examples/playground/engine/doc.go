// Package engine is the playground without a page: texts and actions go in, what the
// page shows comes out. All of it is plain Go, so it is tested without a browser.
//
// An Engine holds one State, which is all that a link has to carry: the texts of the
// editor, the actions of the user, and the frame on the screen. Handle answers the
// messages of the page, in JSON.
//
// A recording is a list of frames: one for each pass of the controller that writes
// something, one for each action, and one for the end. It keeps what each frame changes
// in the facts, so that any frame can be shown again. An action takes place after the
// frame on the screen; the frames behind it are played anew, on a cluster made of the
// facts of that frame. Only the order of the actions decides what is played.
package engine
