import { type KeptMemory, keptMemory } from './kept-memory.js';
import { OPEN_SECTION_FILE, OpenSection } from './open-section.js';
import { SECTION_CAPACITY_BYTES } from './section-assembler.js';

/** Where the open section is. */
export const openSectionFile = (folder: string): KeptMemory =>
  keptMemory(folder, OPEN_SECTION_FILE, OpenSection.sizeBytes(SECTION_CAPACITY_BYTES));
