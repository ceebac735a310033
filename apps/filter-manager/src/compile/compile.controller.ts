import { type CompileResponse, controlApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { FilterCompiler } from './filter-compiler.js';

@Controller()
export class CompileController {
  constructor(private readonly compiler: FilterCompiler) {}

  @Call(controlApi.compile, { summary: 'Compile an expression and store nothing' })
  compile({ body }: CallOf<typeof controlApi.compile>): CompileResponse {
    const { instructions, listing } = this.compiler.compile({ ...body, live: false });
    const program = { linkType: body.linkType, form: 'offline', target: 'cbpf', instructions } as const;
    return { program, listing };
  }
}
