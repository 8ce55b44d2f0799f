# mypy: ignore-errors
# (its packages live in an environment of its own)
"""Pipecat: the Twilio serializer and the OpenAI Realtime service in one pipeline per call, at 8 kHz, behind uvicorn.

The service speaks only PCM 24 kHz to the engine, so the pipeline resamples."""

import json
import os
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.openai.realtime.events import AudioConfiguration, AudioInput, SessionProperties, TurnDetection
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

RATE_HZ = 8_000
app = FastAPI()


@app.websocket("/twilio")
async def answer(phone: WebSocket):
    await phone.accept()
    while (message := json.loads(await phone.receive_text()))["event"] != "start":
        continue
    serializer = TwilioFrameSerializer(
        stream_sid=message["streamSid"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
    )
    transport = FastAPIWebsocketTransport(
        websocket=phone,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=RATE_HZ,
            audio_out_sample_rate=RATE_HZ,
            serializer=serializer,
        ),
    )
    turns = AudioConfiguration(input=AudioInput(turn_detection=TurnDetection()))
    properties = SessionProperties(instructions="Be brief.", audio=turns)
    engine = OpenAIRealtimeLLMService(
        api_key=os.environ["OPENAI_API_KEY"],
        base_url=os.environ["UPSTREAM_URL"],
        settings=OpenAIRealtimeLLMService.Settings(model="gpt-realtime", session_properties=properties),
    )
    history = LLMContextAggregatorPair(LLMContext())
    pipeline = Pipeline([transport.input(), history.user(), engine, transport.output(), history.assistant()])
    params = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(pipeline, params=params, idle_timeout_secs=None)

    @transport.event_handler("on_client_disconnected")
    async def hung_up(transport, phone):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


logger.remove()
logger.add(sys.stderr, level="WARNING")
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
