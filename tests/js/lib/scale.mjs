// SPDX-License-Identifier: Apache-2.0
//
// How much of a bad thing. The usual amount is past every limit it is meant for and quick on a
// small machine; HP_FULL_SCALE=1 asks for the amount that stands in the requirements.

import process from 'node:process';

export const scaled = ({ usual, full }) => (process.env.HP_FULL_SCALE === '1' ? full : usual);
